//! Work is linear in the size of the input, whatever the input and however it is cut: four times
//! the input takes four times the instructions. Valgrind counts them, so plain `cargo test` leaves
//! this test out. To run it:
//!
//! ```text
//! cargo test -p sse-proto --release --test linear
//! ```

use sse_core::{Decoder, Event, Frame};
use std::env;
use std::hint::black_box;
use std::process::{Command, ExitCode};

/// Small sizes come first, since work that is not linear would take forever on large ones.
const SIZES: [usize; 4] = [3_000, 12_000, 48_000, 192_000];
/// Linear work grows by a factor of 4, quadratic work by 16.
const MOST: f64 = 5.0;
/// How many instructions may be added once, such as for a larger allocation.
const ONCE: f64 = 20_000.0;
const WHOLE: usize = usize::MAX;

/// A name, what the stream starts with, what it repeats, and the size of its chunks.
const DECODED: &[(&str, &[u8], &[u8], usize)] = &[
    ("one line, byte by byte", b"data: ", b"x", 1),
    ("one line in 10-byte chunks", b"data: ", b"x", 10),
    ("one comment in 10-byte chunks", b":", b"x", 10),
    ("one unknown line in 10-byte chunks", b"", b"x", 10),
    ("one ID in 10-byte chunks", b"id: ", b"x", 10),
    ("one retry in 10-byte chunks", b"retry: ", b"9", 10),
    ("many events in one chunk", b"", b"data: x\n\n", WHOLE),
    ("many events in 10-byte chunks", b"", b"data: x\n\n", 10),
    ("many lines of data in one event", b"", b"data: x\n", WHOLE),
    ("many lines of data in 10-byte chunks", b"", b"data: x\n", 10),
    ("empty lines of data", b"", b"data\n", WHOLE),
    ("event types and IDs that replace each other", b"", b"event: e\nid: 1\n", WHOLE),
    ("IDs and unknown lines in turn", b"", b"id: 1\nx\n", WHOLE),
    ("comments", b"", b":x\n", WHOLE),
    ("retries", b"", b"retry: 1\n", WHOLE),
    ("CR and LF in turn", b"", b"\r\n", WHOLE),
    ("CR and LF in turn, byte by byte", b"", b"\r\n", 1),
    ("CR twice and LF twice", b"", b"\r\r\n\n", 3),
    ("lines that end in CR", b"", b"data: x\r", 9),
    ("byte order marks", b"", "\u{FEFF}".as_bytes(), WHOLE),
    ("byte order marks, byte by byte", b"", "\u{FEFF}".as_bytes(), 1),
    ("byte order marks in data", b"data: ", "\u{FEFF}".as_bytes(), 2),
    ("byte order marks before each line", b"", "\u{FEFF}data: x\n\n".as_bytes(), WHOLE),
    ("bad UTF-8", b"data: ", b"\xFF", WHOLE),
    ("bad UTF-8 in 10-byte chunks", b"data: ", b"\xE2\x82", 10),
    ("bad UTF-8 in many events", b"", b"data: \xFF\n\n", WHOLE),
];

const ENCODED: &[(&str, &str)] = &[
    ("data of one line", "x"),
    ("data of many lines", "\n"),
    ("data of many lines that end in CR", "x\r"),
    ("data of many lines that end in CRLF", "\r\n"),
];

fn main() -> ExitCode {
    if let [_, name, size] = &env::args().collect::<Vec<_>>()[..] {
        run(name, size.parse().unwrap());
        return ExitCode::SUCCESS;
    }
    let names = DECODED.iter().map(|case| case.0).chain(ENCODED.iter().map(|case| case.0));
    println!(
        "instructions per byte, and the factor by which four times the bytes increases the instructions"
    );
    for name in names.chain(["data line by line"]) {
        let none = instructions(name, 0);
        let mut before = None;
        for size in SIZES {
            let count = (instructions(name, size) - none) as f64;
            print!("{:8.1}", count / size as f64);
            if let Some(before) = before.replace(count) {
                print!("{:5.1}", count / before);
                if count > MOST * before + ONCE {
                    println!("  {name}: not linear");
                    return ExitCode::FAILURE;
                }
            }
        }
        println!("  {name}");
    }
    ExitCode::SUCCESS
}

/// Returns how many instructions this program takes for this many bytes.
fn instructions(name: &str, size: usize) -> u64 {
    let valgrind = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .args([env::current_exe().unwrap().as_os_str(), name.as_ref(), size.to_string().as_ref()])
        .output()
        .expect("this test needs valgrind: install the package of that name");
    let log = String::from_utf8(valgrind.stderr).unwrap();
    assert!(valgrind.status.success(), "{log}");
    let collected = log.lines().find_map(|line| line.split_once("Collected : "));
    collected.unwrap_or_else(|| panic!("{log}")).1.parse().unwrap()
}

fn run(name: &str, size: usize) {
    if let Some(&(_, start, repeated, chunk)) = DECODED.iter().find(|case| case.0 == name) {
        let mut stream = start.to_vec();
        stream.extend(repeated.iter().cycle().take(size));
        stream.extend_from_slice(b"\n\n");
        let mut decoder = Decoder::new().with_comments(true);
        for mut chunk in stream.chunks(chunk) {
            while let Some(frame) = decoder.decode(&mut chunk).unwrap() {
                black_box::<Frame<'_>>(frame);
            }
        }
    } else if let Some((_, repeated)) = ENCODED.iter().find(|case| case.0 == name) {
        drop(black_box(Event::new().data(repeated.repeat(size / repeated.len()))));
    } else {
        drop(black_box((0..size).fold(Event::new(), |event, _| event.data(""))));
    }
}
