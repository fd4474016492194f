//! Who may listen: those with a session, from one other origin, and no more than there are slots.
//!
//! `cargo run -p sse-rocket --example rocket_access`, then
//! `curl -N --cookie session=valid http://127.0.0.1:8000/events`.

use futures_util::stream::{self, Stream, StreamExt};
use rocket::fairing::AdHoc;
use rocket::http::Status;
use rocket::request::{FromRequest, Outcome, Request};
use rocket::{Build, Rocket, State, get, options, routes};
use sse_rocket::{Event, Sse};
use std::convert::Infallible;
use tokio::sync::Semaphore;

struct Session;

#[rocket::async_trait]
impl<'r> FromRequest<'r> for Session {
    type Error = ();

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, ()> {
        match request.cookies().get("session") {
            Some(session) if is_session(session.value()) => Outcome::Success(Self),
            _ => Outcome::Error((Status::Unauthorized, ())),
        }
    }
}

#[get("/events")]
fn events(
    _session: Session,
    slots: &State<Semaphore>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Status> {
    let slot = slots.try_acquire().map_err(|_| Status::ServiceUnavailable)?;
    let events = stream::pending::<Event>().map(move |event| {
        // The stream owns its slot, and frees it when it is dropped.
        let _ = &slot;
        Ok(event)
    });
    Ok(Sse::new(events))
}

#[options("/events")]
fn preflight() -> Status {
    Status::NoContent
}

pub(crate) fn app(slots: usize) -> Rocket<Build> {
    let cors = AdHoc::on_response("CORS", |_, response| {
        Box::pin(async move {
            response.set_raw_header("access-control-allow-origin", "https://app.example");
            response.set_raw_header("access-control-allow-credentials", "true");
            response.set_raw_header("access-control-allow-headers", "last-event-id");
        })
    });
    rocket::build().manage(Semaphore::new(slots)).attach(cors).mount("/", routes![events, preflight])
}

fn is_session(session: &str) -> bool {
    session == "valid" // Yours looks it up.
}

#[rocket::launch]
fn rocket() -> _ {
    app(1000)
}
