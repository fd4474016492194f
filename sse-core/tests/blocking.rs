//! The example of a blocking reader.

#[path = "../examples/blocking.rs"]
#[allow(dead_code, reason = "the test does not call `main`")]
mod blocking;

use std::io::{BufReader, ErrorKind};

fn read(body: &str, capacity: usize) -> (Vec<String>, Result<(), ErrorKind>) {
    let mut data = Vec::new();
    let body = BufReader::with_capacity(capacity, body.as_bytes());
    let end = blocking::read(body, |message| data.push(message.data.into_owned()));
    (data, end.map_err(|error| error.kind()))
}

#[test]
fn it_reads_each_message_in_any_split_and_detects_a_stream_that_was_cut_off() {
    for capacity in 1..30 {
        let both = ["1", "two\nlines"].map(String::from).to_vec();
        let body = ":comment\n\ndata: 1\n\ndata: two\ndata: lines\n\n";
        assert_eq!(read(body, capacity), (both.clone(), Ok(())));
        assert_eq!(read(&format!("{body}data: cut"), capacity), (both, Err(ErrorKind::UnexpectedEof)));
    }
}

#[test]
fn it_is_what_the_readme_shows() {
    let (_, section) = include_str!("../README.md").split_once("## Reading without async").unwrap();
    let (_, block) = section.split_once("```rust\n").unwrap();
    let (block, _) = block.split_once("\n```").unwrap();
    let example = include_str!("../examples/blocking.rs").replace("pub(crate) ", "");
    assert!(example.contains(block), "{block}");
}
