function listen(url, onMessage, load) {
  const key = `last event ID of ${url}`;
  let loading = 0;
  const reload = async wait => {
    loading += 1;
    sessionStorage.removeItem(key);
    await new Promise(resolve => setTimeout(resolve, wait));
    await load();
    loading -= 1;
  };
  function connect() {
    const id = sessionStorage.getItem(key);
    const from = id ? `&lastEventId=${encodeURIComponent(id)}` : "";
    const source = new EventSource(url + from);
    const on = (type, handle) => source.addEventListener(type, event => {
      handle(JSON.parse(event.data));
      // Until the state has been loaded, a page that is reloaded must load it.
      if (loading === 0) sessionStorage.setItem(key, event.lastEventId);
    });
    on("message", onMessage);
    on("hub:hello", () => reload(0));
    on("hub:at", () => {});
    on("hub:gap", gap => reload(gap.wait_ms));
    source.addEventListener("hub:end", event => {
      // After the other causes, the browser reconnects by itself.
      if (["invalid-topic", "topics"].includes(JSON.parse(event.data).cause)) source.close();
    });
    source.addEventListener("error", () => {
      // An error status ends an `EventSource` for good.
      if (source.readyState === EventSource.CLOSED) setTimeout(connect, 5000);
    });
  }
  connect();
}
