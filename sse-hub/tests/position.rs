//! Positions and errors as values.

use futures_util::FutureExt;
use sse_hub::{GapCause, Hub, Position, PublishError, Record, Start};
use std::error::Error;

fn start_after(hub: &Hub, cursor: &str) -> Start {
    hub.subscribe(["news"]).after(cursor).start().now_or_never().expect("a hub in memory knows at once")
}

#[test]
fn the_longest_position_is_an_id() {
    let position = Position { epoch: u64::MAX, major: u64::MAX, minor: u64::MAX, nonce: u32::MAX };
    let id = position.to_string();
    assert_eq!(id.len(), 59);
    let record = Record::new("news", position, b"data: 1\n\n").expect("it is an event");
    assert_eq!(record.as_bytes(), format!("id: {id}\ndata: 1\n\n").as_bytes());
    let hub = Hub::new();
    assert_eq!(start_after(&hub, &id), Start::Gap(GapCause::Epoch));
    assert_eq!(start_after(&hub, &format!("{id}0")), Start::Gap(GapCause::Malformed));
}

#[test]
fn each_position_has_one_spelling() {
    let hub = Hub::new();
    assert_eq!(start_after(&hub, "1:2"), Start::Gap(GapCause::Epoch));
    assert_eq!(start_after(&hub, "1:2-0.3"), Start::Gap(GapCause::Epoch));
    for id in
        ["1:2-0.0", "01:2", "1:+2", "1:02", "A:2", "1:2-3", "1:2-.3", "1:2-0.3.4", " 1:2", "1:", ":2", "1"]
    {
        assert_eq!(start_after(&hub, id), Start::Gap(GapCause::Malformed), "{id}");
    }
}

#[test]
fn positions_are_ordered_within_their_epoch() {
    let position = Position { epoch: 1, major: 2, minor: 3, nonce: 4 };
    assert!(!position.is_after(&position));
    for later in [Position { minor: 4, nonce: 0, ..position }, Position { major: 3, minor: 0, ..position }] {
        assert!(later.is_after(&position) && !position.is_after(&later));
        assert!(!Position { epoch: 2, ..later }.is_after(&position), "another epoch has no order");
    }
}

#[test]
fn errors_of_an_engine_have_a_source() {
    for error in [PublishError::Refused("gone".into()), PublishError::Unknown("gone".into())] {
        assert_eq!(error.source().expect("it has one").to_string(), "gone");
        assert_ne!(error.to_string(), "gone");
    }
    assert!(PublishError::Invalid("no").source().is_none());
}

#[test]
fn errors_answer_a_request() {
    for (error, status) in [
        (PublishError::Invalid("no"), 400),
        (PublishError::TooLarge { size: 2, limit: 1 }, 413),
        (PublishError::Refused("gone".into()), 503),
        (PublishError::Unknown("gone".into()), 504),
    ] {
        let text = error.to_string();
        let response: http::Response<String> = error.into();
        assert_eq!((response.status().as_u16(), response.body()), (status, &text));
    }
}
