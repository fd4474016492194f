//! What every public type can do: cross threads, act as an error, appear in a log.

use sse_core::{
    Decoder, EncodedEvent, Event, EventTooLarge, Frame, InvalidField, InvalidLastEventId, LastEventId,
    MessageEvent,
};
use std::borrow::Cow;
use std::fmt::Debug;

fn is_error<E: core::error::Error + Send + Sync + 'static>() {}
fn crosses_threads<T: Send + Sync + Unpin + 'static>() {}

#[test]
fn types_cross_threads_and_errors_are_errors() {
    crosses_threads::<Event>();
    crosses_threads::<EncodedEvent>();
    crosses_threads::<Decoder>();
    crosses_threads::<Frame<'static>>();
    crosses_threads::<MessageEvent<'static>>();
    crosses_threads::<LastEventId>();
    is_error::<EventTooLarge>();
    is_error::<InvalidField>();
    is_error::<InvalidLastEventId>();
}

#[test]
fn types_implement_the_common_traits() {
    fn hashes<T: std::hash::Hash + Eq>() {}
    hashes::<Event>();
    hashes::<EncodedEvent>();
    hashes::<Frame<'static>>();
    hashes::<LastEventId>();

    let event = EncodedEvent::from(Event::new().data("x"));
    assert_eq!(event.to_string(), "data: x\n\n");
    assert_eq!(AsRef::<[u8]>::as_ref(&event), b"data: x\n\n");
    assert_eq!(EncodedEvent::raw(b"\xFF".as_slice()).to_string(), "\u{FFFD}");

    let MessageEvent { event_type, data, last_event_id } = MessageEvent::default();
    assert_eq!([event_type, data, last_event_id], ["message", "", ""]);
}

#[cfg(all(feature = "stream", feature = "tokio"))]
#[test]
fn streams_cross_threads_if_what_they_hold_does() {
    use futures_util::stream::{Empty, Pending};
    use sse_core::{EventStream, EventStreamError, KeepAlive, KeepAliveStream, Sse};
    use std::io;

    crosses_threads::<EventStream<Empty<Result<Vec<u8>, io::Error>>>>();
    crosses_threads::<Sse<Pending<Result<Event, io::Error>>>>();
    crosses_threads::<KeepAlive>();
    fn sends<T: Send + Sync + 'static>() {}
    sends::<Sse<KeepAliveStream<Pending<Result<Event, io::Error>>>>>();
    is_error::<EventStreamError<io::Error>>();
}

/// Asserts that the debug output of something with a megabyte in it is short.
#[track_caller]
fn assert_short(value: impl Debug) {
    for shown in [format!("{value:?}"), format!("{value:#?}")] {
        assert!(shown.contains("xxx") && shown.len() < 1000, "{} bytes: {:.1000}", shown.len(), shown);
    }
}

#[test]
fn no_type_floods_a_log() {
    let x = "x".repeat(1 << 20);
    let text = || Cow::Owned(x.clone());
    assert_short(Event::new().event(&x).id(&x).data(&x));
    assert_short(EncodedEvent::from(Event::new().data(&x)));
    assert_short(Decoder::new().with_last_event_id(&x));
    assert_short(MessageEvent { event_type: text(), data: text(), last_event_id: text() });
    assert_short(Frame::Comment(text()));
    assert_short(LastEventId::from_request(Some(x.as_bytes()), None).unwrap());
}

#[cfg(all(feature = "stream", feature = "tokio"))]
#[test]
fn no_stream_floods_a_log() {
    use futures_util::stream;
    use sse_core::{EventStream, KeepAlive, Sse};

    let x = "x".repeat(1 << 20);
    let decoder = Decoder::new().with_last_event_id(&x);
    assert_short(EventStream::with_decoder(stream::iter([Ok::<_, ()>(x.clone())]), decoder));
    let keep_alive = KeepAlive::new().text(&x);
    assert_short(&keep_alive);
    let events = || stream::iter([Ok::<_, ()>(Event::new().data(&x))]);
    for shown in
        [format!("{:?}", Sse::new(events())), format!("{:?}", Sse::new(events()).keep_alive(keep_alive))]
    {
        assert!(shown.starts_with("Sse") && shown.len() < 1000, "{shown:.1000}");
    }
}
