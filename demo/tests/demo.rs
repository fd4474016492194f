//! Runs the demo as a user does: the program on a free port, and a client.

mod util;

use util::{Demo, command};

#[test]
fn the_pages_find_their_files_and_other_paths_are_404() {
    let demo = Demo::start();
    for page in ["/", "/compare", "/chat"] {
        let (head, html) = demo.get(page);
        assert!(head.contains("content-type: text/html"), "{head}");
        let names = html
            .split(['"', '\''])
            .filter(|name| name.starts_with("/source/") || name.ends_with(".css") || name.ends_with(".js"));
        let mut links = 0;
        for name in names {
            let path = format!("/{}", name.trim_start_matches('/'));
            assert!(demo.get(&path).0.starts_with("HTTP/1.1 200 OK"), "{path}");
            links += 1;
        }
        assert!(links >= 3, "{page} has a style, a script and the source of its handler");
    }
    for script in
        ["/clock.js", "/compare.js", "/chat.js", "/lanes.js", "/ledger.js", "/timeline.js", "/listen.js"]
    {
        let (head, text) = demo.get(script);
        assert!(head.contains("content-type: text/javascript"), "{script}: {head}");
        for import in text.lines().filter_map(|line| line.split_once(" from \"./")) {
            let path = format!("/{}", import.1.trim_end_matches("\";"));
            assert!(demo.get(&path).0.starts_with("HTTP/1.1 200 OK"), "{script} imports {path}");
        }
    }
    assert!(demo.get("/nothing").0.starts_with("HTTP/1.1 404"));
}

#[test]
fn the_status_says_what_it_runs_on() {
    let status = Demo::start().json("/status");
    assert_eq!(status["engine"], "the memory of this process");
    assert!(status["unreachable"].is_null());
}

#[test]
fn the_error_of_a_busy_port_says_what_to_do() {
    let demo = Demo::start();
    let output = command(&["--addr", &demo.address]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(error.starts_with(&format!("error: cannot listen on {}: ", demo.address)), "{error}");
    assert!(error.contains("--addr 127.0.0.1:0"), "{error}");
}

#[test]
fn the_error_of_a_wrong_redis_url_says_what_is_wrong() {
    // A port that was free a moment ago.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let nobody = format!("redis://:secret@127.0.0.1:{port}/");
    for (url, expected) in [
        ("127.0.0.1:6379", "error: `127.0.0.1:6379` is not the URL of a Redis server: "),
        ("http://127.0.0.1/", "error: `http://127.0.0.1/` is not the URL of a Redis server: "),
        (&nobody, &format!("error: cannot use Redis at 127.0.0.1:{port}: ")),
    ] {
        let output = command(&["--redis", url]).output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(error.starts_with(expected), "{error}");
        assert!(!error.contains("secret"), "{error}");
    }
}

#[test]
fn the_help_names_every_option_and_page() {
    let output = command(&["--help"]).output().unwrap();
    let help = String::from_utf8(output.stdout).unwrap();
    for text in
        ["--addr <IP:PORT>", "--redis <URL>", "/compare", "/chat", "curl -N", "Ctrl-C", "127.0.0.1:3000"]
    {
        assert!(help.contains(text), "{text}: {help}");
    }
}

#[cfg(unix)]
#[test]
fn ctrl_c_and_kill_end_open_connections_and_the_program() {
    for signal in ["-INT", "-TERM"] {
        let demo = Demo::start();
        let mut events = demo.events("/events", "");
        events.until("ping");
        let mut chat = demo.events("/stream", "");
        let [id, _] = chat.until("hub:hello");
        let mut poll = demo.client();
        poll.send("GET", &format!("/poll?lastEventId={id}"), "", "");
        let mut socket = demo.socket("end");
        let kill = format!("kill {signal} {}", demo.process.id());
        let kill = std::process::Command::new("sh").args(["-c", &kill]).status().unwrap();
        assert!(kill.success());
        let signalled = std::time::Instant::now();
        events.until("hub:end");
        chat.until("hub:end");
        assert!(poll.answer().1.contains("hub:end"));
        while socket.frame().is_some() {}
        assert!(demo.ended());
        // A second, and what a busy machine adds.
        let took = signalled.elapsed();
        assert!(took < std::time::Duration::from_secs(5), "{took:?}");
    }
}
