//! What the decoder does, clause by clause, and beyond the standard.

mod util;

use sse_core::{Decoder, Frame};
use std::time::Duration;
use util::{comment, decode, frames, message, pieces};

#[test]
fn each_line_end_ends_a_line() {
    for stream in [
        "data: a\ndata: b\n\n",
        "data: a\rdata: b\r\r",
        "data: a\r\ndata: b\r\n\r\n",
        "data: a\rdata: b\n\r\n",
    ] {
        assert_eq!(frames(stream), [message("message", "a\nb", "")], "{stream:?}");
    }
}

#[test]
fn a_cr_at_the_end_of_a_chunk_dispatches_at_once() {
    let mut decoder = Decoder::new();
    assert_eq!(decode(&mut decoder, [b"data: 1\r\n\r".as_slice()]), [Ok(message("message", "1", ""))]);
    let next = b"\ndata: 2\r\r".as_slice();
    assert_eq!(decode(&mut decoder, [next]), [Ok(message("message", "2", ""))]);
}

#[test]
fn an_lf_after_a_cr_is_swallowed_once() {
    assert_eq!(
        frames("data: 1\r\n\ndata: 2\n\n"),
        [message("message", "1", ""), message("message", "2", "")]
    );
}

#[test]
fn one_byte_order_mark_is_dropped_at_the_start_and_no_other() {
    let mark = "\u{FEFF}";
    assert_eq!(frames(format!("{mark}data: 1\n\n")), [message("message", "1", "")]);
    assert_eq!(frames(format!("{mark}{mark}data: 1\n\ndata: 2\n\n")), [message("message", "2", "")]);
    assert_eq!(frames(format!("data: 1\n\n{mark}data: 2\n\n")), [message("message", "1", "")]);
}

#[test]
fn part_of_a_byte_order_mark_spoils_its_line_only() {
    for part in [b"\xEF".as_slice(), b"\xEF\xBB"] {
        let stream = [part, b"data: 1\ndata: 2\n\n"].concat();
        for sizes in [vec![1], vec![2], vec![stream.len()]] {
            let decoded = decode(&mut Decoder::new(), pieces(&stream, &sizes));
            assert_eq!(decoded, [Ok(message("message", "2", ""))]);
        }
    }
}

#[test]
fn the_event_type_lasts_for_one_block() {
    assert_eq!(
        frames("event: a\n\ndata: 1\n\nevent: b\ndata: 2\n\n"),
        [message("message", "1", ""), message("b", "2", "")]
    );
}

#[test]
fn a_block_without_data_still_commits_its_id() {
    let mut decoder = Decoder::new();
    assert_eq!(decode(&mut decoder, [b"id: 7\n\n".as_slice()]), []);
    assert_eq!(decoder.last_event_id(), "7");
}

#[test]
fn an_id_is_not_committed_before_its_blank_line() {
    let mut decoder = Decoder::new().with_last_event_id("1");
    decode(&mut decoder, [b"id: 2\ndata: unfinished\n".as_slice()]);
    assert_eq!(decoder.last_event_id(), "1");
}

#[test]
fn an_id_with_nul_is_ignored_and_the_one_before_it_stays() {
    assert_eq!(frames("id: 1\nid: a\0b\ndata: x\n\n"), [message("message", "x", "1")]);
}

#[test]
fn an_empty_id_resets_the_last_event_id() {
    let mut decoder = Decoder::new().with_last_event_id("1");
    assert_eq!(decode(&mut decoder, [b"id\ndata: x\n\n".as_slice()]), [Ok(message("message", "x", ""))]);
    assert_eq!(decoder.last_event_id(), "");
}

#[test]
fn retry_takes_effect_at_its_own_line() {
    let mut decoder = Decoder::new();
    let mut chunk = b"retry: 10\ndata: x\n".as_slice();
    assert_eq!(decoder.decode(&mut chunk), Ok(Some(Frame::Retry(Duration::from_millis(10)))));
    assert_eq!(decoder.reconnection_time(), Some(Duration::from_millis(10)));
    assert_eq!(chunk, b"data: x\n");
}

#[test]
fn retry_takes_ascii_digits_only() {
    for bad in ["", "+5", "-5", "5 ", " 5", "5ms", "1e3", "٥", "0x10"] {
        // The value does not include the first space after the colon, hence two.
        assert_eq!(frames(format!("retry: {bad}\n\n")), [], "{bad:?}");
    }
    assert_eq!(frames("retry:007\n"), [Frame::Retry(Duration::from_millis(7))]);
}

#[test]
fn retry_is_at_most_a_year_so_that_arithmetic_with_it_cannot_overflow() {
    let year = Duration::from_secs(365 * 24 * 60 * 60);
    for digits in
        ["31536000000", "31536000001", "18446744073709551615", "18446744073709551616", &"9".repeat(100)]
    {
        assert_eq!(frames(format!("retry: {digits}\n")), [Frame::Retry(year)], "{digits}");
    }
    assert_eq!(frames("retry: 31535999999\n"), [Frame::Retry(year - Duration::from_millis(1))]);
    assert_eq!(frames("retry: 0\n"), [Frame::Retry(Duration::ZERO)]);
}

#[test]
fn a_stream_that_ends_in_the_middle_of_an_event_can_be_detected() {
    for (stream, incomplete) in [
        ("", false),
        ("data: a\n\n", false),
        ("data: a\n\ndata: b\n", true),
        ("data: {\"cut\":", true),
        ("data", true),
        ("da", true),
        ("id: 1\n", true),
        ("id: 1\n\n", false),
        ("event: e\r", true),
        ("event: e\r\r", false),
        ("data: far too large", true),
        ("data: far too large\n", true),
        ("data: far too large\n\n", false),
        (":comm", false),
        (":comment\n", false),
        ("retry: 1", false),
        ("retry: 1\n", false),
        ("unknown: x", false),
        ("database", false),
        ("\u{FEFF}", false),
    ] {
        for size in 1..=stream.len().max(1) {
            let mut decoder = Decoder::new().with_comments(true).with_max_event_size(10);
            decode(&mut decoder, util::pieces(stream.as_bytes(), &[size]));
            assert_eq!(decoder.has_incomplete_event(), incomplete, "{stream:?} in pieces of {size}");
            decoder.reconnect();
            assert!(!decoder.has_incomplete_event());
        }
    }
}

#[test]
fn an_event_is_complete_as_soon_as_it_is_dispatched() {
    // The second one is put together from its pieces.
    for chunks in [vec!["data: a\n\nda"], vec!["data: a", "\n\nda"]] {
        let mut decoder = Decoder::new();
        let mut dispatched = 0;
        for mut chunk in chunks.into_iter().map(str::as_bytes) {
            while decoder.decode(&mut chunk).unwrap().is_some() {
                dispatched += 1;
                assert!(!decoder.has_incomplete_event());
            }
        }
        assert_eq!(dispatched, 1);
        assert!(decoder.has_incomplete_event());
    }
}

#[test]
fn the_last_event_id_is_a_header_if_http_can_carry_it() {
    let header = |id: &str| Decoder::new().with_last_event_id(id).last_event_id_header().map(<[u8]>::to_vec);
    assert_eq!(header(""), None, "there is no ID");
    assert_eq!(header("…한").as_deref(), Some("…한".as_bytes()));
    for byte in 0..=b'\x7F' {
        let id = format!("a{}b", char::from(byte));
        let carried = byte == b'\t' || (b' '..b'\x7F').contains(&byte);
        assert_eq!(header(&id), carried.then(|| id.clone().into_bytes()), "{id:?}");
        #[cfg(feature = "http")]
        assert_eq!(http::HeaderValue::from_bytes(id.as_bytes()).is_ok(), carried, "{id:?}");
    }
}

#[test]
fn comments_are_frames_only_when_asked_for() {
    let stream = b":one\ndata: x\n: two\n\n".as_slice();
    assert_eq!(decode(&mut Decoder::new(), [stream]), [Ok(message("message", "x", ""))]);
    assert_eq!(frames(stream), [comment("one"), comment(" two"), message("message", "x", "")]);
}

#[test]
fn no_byte_but_a_line_end_ends_a_comment() {
    for byte in (0..=u8::MAX).filter(|byte| !b"\r\n".contains(byte)) {
        for before in 0..10 {
            let stream = [b":", &b"xxxxxxxxxx"[..before], &[byte], b"data: none\n\n"].concat();
            assert_eq!(decode(&mut Decoder::new(), [&stream[..]]), [], "{byte:#x} after {before} bytes");
        }
    }
}

#[test]
fn invalid_utf8_becomes_replacement_characters_where_it_is() {
    assert_eq!(
        frames(b"event: \xFFe\nid: \xE2\x82\ndata: a\xF0\x9F\ndata: ok\n\n"),
        [message("\u{FFFD}e", "a\u{FFFD}\nok", "\u{FFFD}")]
    );
    // What is not used may be invalid.
    assert_eq!(frames(b"event: e\nx\xFF: y\ndata: ok\n\n"), [message("e", "ok", "")]);
}

#[test]
fn valid_text_of_any_length_is_accepted_whatever_follows() {
    for follows in ["plain", "é", "한", "😀"].map(|text| text.repeat(16)) {
        // The data is cut at its end, so it may be invalid.
        for follows in (follows.len() - 3..=follows.len()).map(|end| &follows.as_bytes()[..end]) {
            for data in (0..200).map(|length| "x".repeat(length)) {
                let stream = [b"data: ", data.as_bytes(), b"\n\ndata: ", follows, b"\n\n"].concat();
                let follows = String::from_utf8_lossy(follows);
                assert_eq!(frames(stream), [message("message", &data, ""), message("message", &follows, "")]);
            }
        }
    }
}

#[test]
fn a_character_split_over_chunks_arrives_whole() {
    let stream = "data: 한글😀\n\n".as_bytes();
    assert_eq!(decode(&mut Decoder::new(), stream.chunks(1)), [Ok(message("message", "한글😀", ""))]);
}

#[test]
fn an_event_of_exactly_the_limit_passes() {
    let stream = b"event: e\ndata: 12\nid: 3\ndata: 4567\n\n".as_slice();
    for size in 1..=stream.len() {
        let decode = |limit| {
            let mut decoder = Decoder::new().with_max_event_size(limit);
            decode(&mut decoder, stream.chunks(size))
        };
        // The last line exceeds the limit as soon as there is no room for its end.
        assert_eq!(decode(2 + 3 + 2 + 5), [Ok(message("e", "12\n4567", "3"))], "chunks of {size}");
        assert_eq!(decode(2 + 3 + 2 + 5 - 1), [Err(11)], "chunks of {size}");
    }
}

#[test]
fn the_limit_may_be_lowered_in_the_middle_of_an_event() {
    for next in ["ta: 6\n\ndata: 1\n\n", "ta: 6 and more"] {
        let mut decoder = Decoder::new();
        decode(&mut decoder, [b"data: 12345\nda".as_slice()]);
        let decoded = decode(&mut decoder.with_max_event_size(3), [next.as_bytes()]);
        assert_eq!(decoded[0], Err(3));
    }
}

#[test]
fn an_oversized_event_loses_nothing_before_or_after_it() {
    let stream =
        b"id: 1\ndata: a\n\nid: 2\ndata: far too large\nretry: 5\ndata: more\n\ndata: b\n\n".as_slice();
    for size in [1, 3, 20, stream.len()] {
        let mut decoder = Decoder::new().with_max_event_size(10);
        assert_eq!(
            decode(&mut decoder, stream.chunks(size)),
            [Ok(message("message", "a", "1")), Err(10), Ok(message("message", "b", "1"))]
        );
    }
}

#[test]
fn the_error_of_an_oversized_event_names_the_limit_and_how_to_raise_it() {
    let mut decoder = Decoder::new().with_max_event_size(4);
    let error = decoder.decode(&mut b"data: 12345\n\n".as_slice()).unwrap_err();
    assert_eq!(error.limit(), 4);
    assert_eq!(
        error.to_string(),
        "an event exceeds the limit of 4 bytes and was skipped; `with_max_event_size` raises it"
    );
}

#[test]
fn what_is_skipped_does_not_count_against_the_limit() {
    let long = "x".repeat(1000);
    let stream = format!(":{long}\nunknown: {long}\n{long}\ndata: ok\n\n");
    for size in [1, 64, stream.len()] {
        let mut decoder = Decoder::new().with_max_event_size(10);
        let decoded = decode(&mut decoder, stream.as_bytes().chunks(size));
        assert_eq!(decoded, [Ok(message("message", "ok", ""))]);
    }
}

#[test]
fn the_default_limit_is_32_mib() {
    let data = |length| format!("data: {}\n\ndata: next\n\n", "x".repeat(length));
    let limit = 32 * 1024 * 1024;
    let decode = |stream: String| decode(&mut Decoder::new(), stream.as_bytes().chunks(1 << 16));
    assert_eq!(decode(data(limit - 1)).len(), 2);
    assert_eq!(decode(data(limit)), [Err(limit), Ok(message("message", "next", ""))]);
}

#[test]
fn reconnect_drops_the_unfinished_event_and_keeps_id_and_time() {
    let unfinished: [&[u8]; 6] = [
        b"id: 8\ndata: x\nda",
        b"data: x\r",
        b"\xEF\xBB",
        b": comment",
        b"data: far too large",
        b"event: e\n",
    ];
    for unfinished in unfinished {
        let mut decoder = Decoder::new().with_max_event_size(10);
        decode(&mut decoder, [b"id: 7\nretry: 5\ndata: x\n\n".as_slice(), unfinished]);
        decoder.reconnect();
        let next = "\u{FEFF}\ndata: 1\n\n".as_bytes();
        assert_eq!(decode(&mut decoder, [next]), [Ok(message("message", "1", "7"))]);
        assert_eq!(decoder.reconnection_time(), Some(Duration::from_millis(5)));
    }
}

#[test]
fn a_frame_of_one_chunk_is_borrowed_from_it() {
    let stream = String::from("event: e\ndata: borrowed\n\n");
    let mut decoder = Decoder::new();
    match decoder.decode(&mut stream.as_bytes()) {
        Ok(Some(Frame::Message(message))) => {
            assert_eq!(message.data.as_ptr(), stream[15..].as_ptr());
            assert_eq!(message.event_type.as_ptr(), stream[7..].as_ptr());
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn debug_output_stays_short_for_large_events() {
    let stream = format!("id: {0}\nevent: {0}\ndata: {0}\n\n", "x".repeat(1 << 20));
    let mut decoder = Decoder::new();
    let frame = format!("{:?}", decoder.decode(&mut stream.as_bytes()).unwrap());
    assert!(frame.contains("... (1048576 bytes)"), "{frame}");
    assert!(frame.len() < 1000);
    let decoder = format!("{decoder:?}");
    assert!(decoder.starts_with("Decoder") && decoder.contains("reconnection_time: None"), "{decoder}");
    assert!(decoder.len() < 1000);
}
