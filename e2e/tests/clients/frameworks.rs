//! What the frameworks' own modules send for the same input as these crates, which is the table in
//! the project's README.

use futures_util::stream::{self, BoxStream, StreamExt};
use sse_core::{Decoder, Frame};
use sse_test::client::PATIENCE;
use std::io;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::time::timeout;

/// A framework's own event, or ours.
trait Event: Sized + Send + 'static {
    fn with_data(data: &str) -> Self;
    /// Sets the event type, or returns why it is refused.
    fn with_type(self, event_type: &str) -> Result<Self, String>;
}

macro_rules! event {
    ($($event:ty: $new:expr;)*) => {
        $(
            impl Event for $event {
                fn with_data(data: &str) -> Self {
                    $new(data.to_owned())
                }

                fn with_type(self, event_type: &str) -> Result<Self, String> {
                    Ok(self.event(event_type.to_owned()))
                }
            }
        )*
    };
}

event! {
    axum::response::sse::Event: |data: String| Self::default().data(data);
    warp::sse::Event: |data: String| Self::default().data(data);
    rocket::response::stream::Event: Self::data;
}

impl Event for sse_core::Event {
    fn with_data(data: &str) -> Self {
        Self::new().data(data)
    }

    fn with_type(self, event_type: &str) -> Result<Self, String> {
        self.try_event(event_type).map_err(|_| "refused with an error".into())
    }
}

const INPUTS: [(&str, &str); 4] = [
    ("crlf", r#"data `"one\r\ntwo"`"#),
    ("cr", r#"data `"one\rtwo"`"#),
    ("empty", r#"data `""`"#),
    ("type", r#"type `"a\ndata: b"`, data `"c"`"#),
];

/// Makes the event of this input, or says why there is none.
fn event<E: Event>(input: &str) -> Result<E, String> {
    let make = || match input {
        "crlf" => Ok(E::with_data("one\r\ntwo")),
        "cr" => Ok(E::with_data("one\rtwo")),
        "empty" => Ok(E::with_data("")),
        "type" => E::with_data("c").with_type("a\ndata: b"),
        _ => Ok(E::with_data("1")),
    };
    catch_unwind(AssertUnwindSafe(make)).unwrap_or_else(|_| Err("panics".into()))
}

/// The events of this input. That of `error` is three events, and an error right behind them.
fn events<E: Event>(input: &str) -> Result<Vec<io::Result<E>>, String> {
    if input == "error" {
        let events = ["1", "2", "3"].map(|data| Ok(E::with_data(data)));
        return Ok(events.into_iter().chain([Err(io::Error::other("broken"))]).collect());
    }
    Ok(vec![Ok(event(input)?)])
}

/// It has no module of its own.
async fn actix() -> SocketAddr {
    use actix_web::web::{Path, get};
    use actix_web::{App, Either, HttpResponse, HttpServer};
    use sse_actix::{KeepAlive, Sse};

    let handler = async |input: Path<String>| match events::<sse_actix::Event>(&input) {
        Ok(events) => {
            let no_keep_alive = KeepAlive::new().interval(Duration::ZERO);
            Either::Left(Sse::new(stream::iter(events)).keep_alive(no_keep_alive))
        }
        Err(reason) => Either::Right(HttpResponse::Ok().insert_header(("reason", reason)).finish()),
    };
    let server = HttpServer::new(move || App::new().route("/{input}", get().to(handler)));
    let server = server.workers(1).disable_signals().bind(("127.0.0.1", 0)).unwrap();
    let address = server.addrs()[0];
    tokio::spawn(server.run());
    address
}

async fn axum(ours: bool) -> SocketAddr {
    use axum::extract::Path;
    use axum::response::{IntoResponse, Response};

    fn answer(response: Result<impl IntoResponse, String>) -> Response {
        response.map_or_else(|reason| ([("reason", reason)], "").into_response(), IntoResponse::into_response)
    }

    let own = axum::routing::get(async |Path(input): Path<String>| {
        answer(events(&input).map(|events| axum::response::Sse::new(stream::iter(events))))
    });
    let these = axum::routing::get(async |Path(input): Path<String>| {
        answer(events::<sse_axum::Event>(&input).map(|events| sse_axum::Sse::new(stream::iter(events))))
    });
    let app = axum::Router::new().route("/{input}", if ours { these } else { own });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(axum::serve(listener, app).into_future());
    address
}

async fn warp(ours: bool) -> SocketAddr {
    use warp::Filter;
    use warp::reply::{Reply, Response, with_header};

    fn answer(response: Result<impl Reply, String>) -> Response {
        response.map_or_else(|reason| with_header("", "reason", reason).into_response(), Reply::into_response)
    }

    let app = warp::path::param().map(move |input: String| {
        if ours {
            let events = events::<sse_warp::Event>(&input);
            answer(events.map(|events| sse_warp::Sse::new(stream::iter(events))))
        } else {
            answer(events(&input).map(|events| warp::sse::reply(stream::iter(events))))
        }
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(warp::serve(app).incoming(listener).run());
    address
}

async fn rocket(ours: bool) -> SocketAddr {
    use rocket::config::{Config, LogLevel};
    use rocket::fairing::AdHoc;
    use rocket::http::Header;
    use rocket::response::stream::EventStream;
    use rocket::{Responder, get, routes};
    use sse_rocket::{KeepAlive, Sse};

    #[derive(Responder)]
    struct Refused((), Header<'static>);

    impl From<String> for Refused {
        fn from(reason: String) -> Self {
            Self((), Header::new("reason", reason))
        }
    }

    // Its streams have no errors.
    #[get("/<input>")]
    fn own(input: &str) -> Result<EventStream<BoxStream<'static, rocket::response::stream::Event>>, Refused> {
        let events = events(input)?.into_iter().flatten();
        Ok(EventStream::from(stream::iter(events).boxed()).heartbeat(None))
    }

    #[get("/<input>")]
    fn these(input: &str) -> Result<Sse<BoxStream<'static, io::Result<sse_rocket::Event>>>, Refused> {
        let no_keep_alive = KeepAlive::new().interval(Duration::ZERO);
        Ok(Sse::new(stream::iter(events(input)?).boxed()).keep_alive(no_keep_alive))
    }

    let (sender, address) = oneshot::channel();
    let config = Config { port: 0, log_level: LogLevel::Off, ..Config::debug_default() };
    let on_liftoff = AdHoc::on_liftoff("address", |rocket| {
        Box::pin(async move {
            sender.send((rocket.config().address, rocket.config().port).into()).ok();
        })
    });
    let routes = if ours { routes![these] } else { routes![own] };
    let rocket = rocket::custom(config).mount("/", routes).attach(on_liftoff);
    tokio::spawn(rocket.launch());
    address.await.unwrap()
}

/// Returns the lines of the head, and the body, as far as they arrive. Over HTTP/1.0 the body ends
/// with the connection.
async fn get(server: SocketAddr, path: &str) -> (Vec<String>, String) {
    let mut connection = TcpStream::connect(server).await.unwrap();
    connection.write_all(format!("GET {path} HTTP/1.0\r\n\r\n").as_bytes()).await.unwrap();
    let mut response = Vec::new();
    let read =
        timeout(PATIENCE, connection.read_to_end(&mut response)).await.expect("the end of the response");
    // An error breaks the connection.
    read.ok();
    let response = String::from_utf8(response).unwrap();
    let (head, body) = response.split_once("\r\n\r\n").unwrap_or_default();
    (head.to_lowercase().lines().map(str::to_owned).collect(), body.to_owned())
}

/// What a client sees of this input, as a cell of the table.
async fn cell(server: SocketAddr, input: &str) -> String {
    let (head, body) = get(server, &format!("/{input}")).await;
    let header = |name: &str| head.iter().find_map(|line| line.strip_prefix(name)).map(str::trim);
    if let Some(reason) = header("reason:") {
        return reason.to_owned();
    }
    if input == "headers" {
        let names = ["cache-control:", "x-accel-buffering:"];
        let values: Vec<String> =
            names.iter().filter_map(|name| Some(format!("`{name} {}`", header(name)?))).collect();
        return if values.is_empty() { "none".into() } else { values.join(", ") };
    }
    let mut decoder = Decoder::new();
    let mut seen = Vec::new();
    let mut bytes = body.as_bytes();
    while let Some(frame) = decoder.decode(&mut bytes).unwrap() {
        if let Frame::Message(message) = frame {
            let event_type = match &*message.event_type {
                "message" => String::new(),
                other => format!("type `{other:?}`, "),
            };
            seen.push(format!("{event_type}data `{:?}`", message.data));
        }
    }
    match input {
        "error" => format!("{} of 3", seen.len()),
        _ if seen.is_empty() => "no event".into(),
        _ => seen.join("; "),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_table_in_the_readme_says_what_each_framework_sends() {
    let own = [axum(false).await, warp(false).await, rocket(false).await];
    let ours = [actix().await, axum(true).await, warp(true).await, rocket(true).await];
    let rows = INPUTS.into_iter().chain([
        ("error", "3 events, then an error at once: what arrives"),
        ("headers", "headers for caches and proxies"),
    ]);
    let mut table = String::from(
        "| | `axum::response::sse` | `warp::sse` | Rocket's `EventStream` | these crates |\n|---|---|---|---|---|\n",
    );
    for (input, name) in rows {
        let mut cells = vec![name.to_owned()];
        for server in own {
            cells.push(cell(server, input).await);
        }
        if input == "error" {
            cells[3] = "a stream has no errors".into();
        }
        cells.push(cell(ours[0], input).await);
        for server in ours {
            assert_eq!(cell(server, input).await, cells[4], "{name}");
        }
        table += &format!("| {} |\n", cells.join(" | "));
    }
    println!("{table}");
    assert!(include_str!("../../../README.md").contains(&table), "the table has changed");
}
