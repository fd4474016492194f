//! Who may listen: those with a session, from one other origin, and no more than there are slots.
//!
//! `cargo run -p sse-actix --example actix_access`, then
//! `curl -N --cookie session=valid http://127.0.0.1:8080/events`.

use actix_web::error::{ErrorServiceUnavailable, ErrorUnauthorized};
use actix_web::http::Method;
use actix_web::middleware::DefaultHeaders;
use actix_web::web::{self, Data};
use actix_web::{HttpRequest, HttpResponse, Result};
use futures_util::stream::{self, Stream, StreamExt};
use sse_actix::{Event, Sse};
use std::convert::Infallible;
use tokio::sync::Semaphore;

async fn events(
    request: HttpRequest,
    slots: Data<Semaphore>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>> {
    if !request.cookie("session").is_some_and(|session| is_session(session.value())) {
        return Err(ErrorUnauthorized("log in first"));
    }
    let slot = slots.into_inner().try_acquire_owned().map_err(ErrorServiceUnavailable)?;
    let events = stream::pending::<Event>().map(move |event| {
        // The stream owns its slot, and frees it when it is dropped.
        let _ = &slot;
        Ok(event)
    });
    Ok(Sse::new(events))
}

async fn preflight() -> HttpResponse {
    HttpResponse::NoContent().finish()
}

pub(crate) fn routes(config: &mut web::ServiceConfig) {
    let cors = DefaultHeaders::new()
        .add(("access-control-allow-origin", "https://app.example"))
        .add(("access-control-allow-credentials", "true"))
        .add(("access-control-allow-headers", "last-event-id"));
    let events = web::resource("/events")
        .route(web::get().to(events))
        .route(web::method(Method::OPTIONS).to(preflight))
        .wrap(cors);
    config.service(events);
}

fn is_session(session: &str) -> bool {
    session == "valid" // Yours looks it up.
}

#[actix_web::main]
async fn main() -> std::io::Result<()> {
    use actix_web::{App, HttpServer};

    // Outside of the closure, which runs once for each thread.
    let slots = Data::new(Semaphore::new(1000));
    HttpServer::new(move || App::new().app_data(slots.clone()).configure(routes))
        .bind(("127.0.0.1", 8080))?
        .run()
        .await
}
