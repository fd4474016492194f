//! Code for `axum::response::sse` that compiles with this crate when only its `use` lines change.

use axum::BoxError;
use axum::response::{IntoResponse, Response};
use futures_util::stream::{self, BoxStream, Stream, StreamExt, TryStream, TryStreamExt};
use sse_axum::{Event, KeepAlive, KeepAliveStream, Sse};
use std::convert::Infallible;
use std::error::Error;
use std::io;
use std::rc::Rc;
use std::time::Duration;

fn events() -> impl Stream<Item = Result<Event, Infallible>> + Clone + Send + 'static {
    stream::iter(["one", "two"].map(|text| Ok(Event::default().data(text))))
}

const WIRE: &str = "data: one\n\ndata: two\n\n";

async fn body(response: impl IntoResponse) -> String {
    let response = response.into_response();
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let bytes = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[tokio::test]
async fn a_response_in_a_generic_struct_or_enum() {
    struct Named<S> {
        response: Sse<S>,
    }
    enum Either<S, T> {
        Plain(Sse<S>),
        KeptAlive(Sse<KeepAliveStream<T>>),
    }
    fn choose<S>(stream: S, keep_alive: bool) -> Either<S, S>
    where
        S: Stream<Item = Result<Event, Infallible>> + Send + 'static,
    {
        if keep_alive {
            Either::KeptAlive(Sse::new(stream).keep_alive(KeepAlive::default()))
        } else {
            Either::Plain(Sse::new(stream))
        }
    }
    impl<S, T> IntoResponse for Either<S, T>
    where
        S: Stream<Item = Result<Event, Infallible>> + Send + 'static,
        T: Stream<Item = Result<Event, Infallible>> + Send + 'static,
    {
        fn into_response(self) -> Response {
            match self {
                Self::Plain(response) => response.into_response(),
                Self::KeptAlive(response) => response.into_response(),
            }
        }
    }
    assert_eq!(body(Named { response: Sse::new(events()) }.response).await, WIRE);
    for keep_alive in [true, false] {
        assert_eq!(body(choose(events(), keep_alive)).await, WIRE);
    }
}

#[tokio::test]
async fn a_function_over_any_try_stream() {
    fn respond<S: TryStream<Ok = Event> + Send + 'static>(stream: S) -> Sse<S>
    where
        S::Error: Into<BoxError>,
    {
        Sse::new(stream)
    }
    fn respond_kept_alive<S>(stream: S) -> impl IntoResponse
    where
        S: TryStream<Ok = Event> + Send + 'static,
        S::Error: Into<BoxError>,
    {
        Sse::new(stream).keep_alive(KeepAlive::new().interval(Duration::from_secs(1)).text("alive"))
    }
    assert_eq!(body(respond(events())).await, WIRE);
    assert_eq!(body(respond_kept_alive(events())).await, WIRE);
}

#[tokio::test]
async fn an_error_that_is_only_turned_into_a_box() {
    #[derive(Debug)]
    struct NotSend(#[allow(dead_code, reason = "it makes the type what it is")] Rc<()>);
    impl From<NotSend> for BoxError {
        fn from(_: NotSend) -> Self {
            "not Send".into()
        }
    }
    assert_eq!(body(Sse::new(events().map_err(|never| -> NotSend { match never {} }))).await, WIRE);
    assert_eq!(body(Sse::new(events().map_err(|never| -> &'static str { match never {} }))).await, WIRE);
    assert_eq!(body(Sse::new(events().map_err(|never| -> String { match never {} }))).await, WIRE);
    assert_eq!(body(Sse::new(events().map_err(|never| -> io::Error { match never {} }))).await, WIRE);
    let boxed = events().map_err(|never| -> Box<dyn Error + Send + Sync> { match never {} });
    assert_eq!(body(Sse::new(boxed)).await, WIRE);
}

#[tokio::test]
async fn a_response_that_is_cloned_or_kept_in_a_field() {
    #[derive(Clone)]
    struct Kept<S>(Sse<S>);
    let kept = Kept(Sse::new(events()));
    assert_eq!(body(kept.clone().0).await, WIRE);
    assert_eq!(body(kept.0).await, WIRE);
    assert!(format!("{:?}", Sse::new(events())).starts_with("Sse"));
}

#[cfg(feature = "json")]
#[test]
fn json_with_the_type_spelled_out() {
    use serde_json::{Value, json};

    let event = Event::default().json_data::<Value>(json!({ "a": 1 })).unwrap();
    assert_eq!(event.to_string(), "data: {\"a\":1}\n\n");
    let event = Event::default().json_data::<&[i32]>(&[1, 2]).map_err(axum::Error::new).unwrap();
    assert_eq!(event.to_string(), "data: [1,2]\n\n");
}

#[tokio::test]
async fn streams_that_are_boxed_or_named() {
    async fn boxed() -> Sse<BoxStream<'static, Result<Event, BoxError>>> {
        Sse::new(events().map_err(Into::into).boxed())
    }
    async fn named() -> Sse<KeepAliveStream<stream::Empty<Result<Event, Infallible>>>> {
        Sse::new(stream::empty()).keep_alive(KeepAlive::default())
    }
    async fn fallible(fails: bool) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, String> {
        if fails { Err("failed".to_owned()) } else { Ok(Sse::new(events())) }
    }
    assert_eq!(body(boxed().await).await, WIRE);
    assert_eq!(body(named().await).await, "");
    assert_eq!(body(fallible(false).await).await, WIRE);
    assert!(fallible(true).await.is_err());
}

#[tokio::test]
async fn keep_alive_with_an_event() {
    let keep_alive = KeepAlive::new().event(Event::default().event("ping"));
    let response = Sse::new(stream::pending::<Result<Event, Infallible>>()).keep_alive(keep_alive);
    let mut chunks = response.into_response().into_body().into_data_stream();
    assert_eq!(chunks.next().await.unwrap().unwrap(), "event: ping\n\n");
}
