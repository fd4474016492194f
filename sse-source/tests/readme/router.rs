use axum::{Router, body::Body, http::Request, routing::get};
use sse_source::{EventSource, sse_core::Event};
use tower::ServiceExt;

async fn the_endpoint_greets() {
    let stream = async || ([("content-type", "text/event-stream")], Event::new().data("hi").to_string());
    let app = Router::new().route("/events", get(stream));
    let mut events = EventSource::new(move |attempt| {
        let mut request = Request::get("/events").body(Body::empty()).unwrap();
        request.headers_mut().extend(attempt.headers);
        app.clone().oneshot(request)
    });
    events.opened().await.unwrap();
    assert_eq!(events.message().await.unwrap().unwrap().data, "hi");
}
