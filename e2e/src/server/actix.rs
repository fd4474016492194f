use super::file;
use crate::{Answer, Events, Lab, PAGE, SCRIPT};
use actix_web::web::{self, Html, Path, ServiceConfig, ThinData};
use actix_web::{App, Either, HttpResponse, HttpServer};
use sse_actix::{KeepAlive, LastEventId, Sse};
use std::net::SocketAddr;
use std::time::Duration;

type Response = Either<Sse<Events>, HttpResponse>;

fn answer(answer: Answer) -> Response {
    match answer {
        Answer::Accepted => Either::Right(HttpResponse::Accepted().finish()),
        Answer::Stop => Either::Right(HttpResponse::NoContent().finish()),
        Answer::Events(events, keep_alive) => {
            let none = KeepAlive::new().interval(Duration::ZERO);
            Either::Left(Sse::new(events).keep_alive(keep_alive.unwrap_or(none)))
        }
    }
}

async fn script() -> HttpResponse {
    HttpResponse::Ok().content_type("text/javascript").body(SCRIPT)
}

async fn files(path: Path<String>) -> HttpResponse {
    match file(&path) {
        Some((content_type, text)) => HttpResponse::Ok().content_type(content_type).body(text),
        None => HttpResponse::NotFound().finish(),
    }
}

async fn events(lab: ThinData<Lab>, scenario: Path<String>, LastEventId(id): LastEventId) -> Response {
    answer(lab.events(&scenario, &id))
}

async fn chat(lab: ThinData<Lab>, request: String) -> Response {
    answer(lab.chat(&request))
}

async fn mcp(lab: ThinData<Lab>, message: String) -> Response {
    answer(lab.mcp(&message))
}

async fn mcp_resumed(lab: ThinData<Lab>, LastEventId(id): LastEventId) -> Response {
    answer(lab.mcp_resumed(&id))
}

async fn report(lab: ThinData<Lab>, body: String) -> HttpResponse {
    lab.report(body);
    HttpResponse::Ok().finish()
}

fn routes(config: &mut ServiceConfig) {
    config
        .route("/", web::get().to(async || Html::new(PAGE)))
        .route("/page.js", web::get().to(script))
        .route("/files/{path:.*}", web::get().to(files))
        .route("/events/{scenario}", web::get().to(events))
        .route("/v1/chat/completions", web::post().to(chat))
        .route("/mcp", web::post().to(mcp))
        .route("/mcp", web::get().to(mcp_resumed))
        .route("/report", web::post().to(report));
}

/// Serves the lab with Actix Web.
///
/// # Panics
///
/// Panics if there is no free port.
pub async fn actix(lab: Lab) -> SocketAddr {
    let port = lab.port;
    let server = HttpServer::new(move || App::new().app_data(ThinData(lab.clone())).configure(routes));
    let server = server.workers(2).disable_signals().bind(("127.0.0.1", port)).expect("a free port");
    let address = server.addrs()[0];
    tokio::spawn(server.run());
    address
}
