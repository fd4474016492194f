use bytes::Bytes;
use http_body_util::Empty;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use sse_source::EventSource;

fn over_hyper(url: http::Uri) -> EventSource {
    let client = Client::builder(TokioExecutor::new()).build_http();
    EventSource::new(move |attempt| {
        let mut request = http::Request::get(&url).body(Empty::<Bytes>::new()).unwrap();
        request.headers_mut().extend(attempt.headers);
        client.request(request)
    })
}
