//! Event streams to decode, the same in every run.

use crate::message::{Digest, Message};
use bytes::Bytes;
use fastrand::Rng;
use std::iter::repeat_with;

const SEED: u64 = 9_2_6;

/// Small enough for the second-level cache, so that memory is not the bottleneck.
const SIZE: usize = 256 << 10;

pub struct Corpus {
    pub name: &'static str,
    pub bytes: Bytes,
    /// Where each block ends.
    pub ends: Vec<usize>,
    /// What a decoder must yield, recorded as the blocks are written.
    pub expected: Digest,
}

impl Corpus {
    pub const NAMES: [&str; 10] = [
        "openai",
        "anthropic",
        "wikimedia",
        "tiny",
        "keepalive",
        "multiline",
        "big40k",
        "big1m",
        "korean",
        "openai_crlf",
    ];

    /// # Panics
    ///
    /// If the name is not one of [`NAMES`](Self::NAMES).
    pub fn generate(name: &'static str) -> Self {
        let mut writer = Writer { line_end: "\n", ..Writer::default() };
        let rng = &mut Rng::with_seed(SEED);
        match name {
            "openai" => openai(rng, &mut writer),
            "anthropic" => writer.fill(|writer| writer.event("content_block_delta", "", &anthropic(rng))),
            "wikimedia" => writer.fill(|writer| writer.event("message", &wikimedia_id(rng), &wikimedia(rng))),
            "tiny" => writer.fill(|writer| writer.event("", "", &token(rng, 8))),
            "keepalive" => writer.fill(|writer| writer.comment("ok")),
            "multiline" => writer.fill(|writer| writer.event("", "", &lines(rng))),
            "big40k" => writer.fill(|writer| writer.event("", "", &text(rng, 40_000))),
            "big1m" => writer.fill(|writer| writer.event("", "", &text(rng, 1 << 20))),
            "korean" => writer.fill(|writer| writer.event("", "", &korean(rng))),
            "openai_crlf" => {
                writer.line_end = "\r\n";
                openai(rng, &mut writer);
            }
            _ => panic!("there is no corpus {name}"),
        }
        let Writer { text, ends, expected, .. } = writer;
        Self { name, bytes: Bytes::from(text), ends, expected }
    }
}

#[derive(Default)]
struct Writer {
    line_end: &'static str,
    text: String,
    ends: Vec<usize>,
    last_event_id: String,
    expected: Digest,
}

impl Writer {
    fn fill(&mut self, mut write: impl FnMut(&mut Self)) {
        while self.text.len() < SIZE {
            write(self);
        }
    }

    /// An empty event type or ID is left out.
    fn event(&mut self, event_type: &str, id: &str, data: &str) {
        if !event_type.is_empty() {
            self.line("event: ", event_type);
        }
        if !id.is_empty() {
            self.line("id: ", id);
            self.last_event_id = id.to_owned();
        }
        for line in data.split('\n') {
            self.line("data: ", line);
        }
        self.end_block();
        let event_type = if event_type.is_empty() { "message" } else { event_type };
        self.expected.add(&Message { event_type, data, last_event_id: &self.last_event_id });
    }

    fn comment(&mut self, text: &str) {
        self.line(": ", text);
        self.end_block();
    }

    fn line(&mut self, name: &str, value: &str) {
        self.text.extend([name, value, self.line_end]);
    }

    fn end_block(&mut self) {
        self.text.push_str(self.line_end);
        self.ends.push(self.text.len());
    }
}

/// A streamed chat completion.
fn openai(rng: &mut Rng, writer: &mut Writer) {
    let (id, fingerprint) = (token(rng, 29), token(rng, 10));
    writer.fill(|writer| {
        let data = format!(
            r#"{{"id":"chatcmpl-{id}","object":"chat.completion.chunk","created":1767225600,"model":"gpt-4o-mini-2024-07-18","service_tier":"default","system_fingerprint":"fp_{fingerprint}","choices":[{{"index":0,"delta":{{"content":" {}"}},"logprobs":null,"finish_reason":null}}]}}"#,
            word(rng),
        );
        writer.event("", "", &data);
    });
    writer.event("", "", "[DONE]");
}

/// A piece of a streamed message.
fn anthropic(rng: &mut Rng) -> String {
    let word = word(rng);
    format!(r#"{{"type":"content_block_delta","index":0,"delta":{{"type":"text_delta","text":" {word}"}}}}"#)
}

/// The position of a recent change in the logs of two data centers.
fn wikimedia_id(rng: &mut Rng) -> String {
    let (timestamp, offset) =
        (rng.u64(1_767_225_600_000..1_769_904_000_000), rng.u64(1_000_000_000..9_999_999_999));
    format!(
        r#"[{{"topic":"eqiad.mediawiki.recentchange","partition":0,"offset":-1}},{{"topic":"codfw.mediawiki.recentchange","partition":0,"timestamp":{timestamp},"offset":{offset},"consistent":true}}]"#
    )
}

/// A recent change to a wiki.
fn wikimedia(rng: &mut Rng) -> String {
    let (title, user, comment) = (text(rng, 30), token(rng, 12), text(rng, 220));
    let (request, meta) = (token(rng, 36), token(rng, 36));
    let (id, old, new) = (rng.u32(..), rng.u32(..), rng.u32(..));
    format!(
        r#"{{"$schema":"/mediawiki/recentchange/1.0.0","meta":{{"uri":"https://en.wikipedia.org/wiki/{title}","request_id":"{request}","id":"{meta}","domain":"en.wikipedia.org","stream":"mediawiki.recentchange","dt":"2026-01-01T00:00:00.000Z","topic":"codfw.mediawiki.recentchange","partition":0,"offset":{id}}},"id":{id},"type":"edit","namespace":0,"title":"{title}","title_url":"https://en.wikipedia.org/wiki/{title}","comment":"{comment}","timestamp":1767225600,"user":"{user}","bot":false,"notify_url":"https://en.wikipedia.org/w/index.php?diff={new}&oldid={old}","minor":false,"patrolled":true,"length":{{"old":{old},"new":{new}}},"revision":{{"old":{old},"new":{new}}},"server_url":"https://en.wikipedia.org","server_name":"en.wikipedia.org","server_script_path":"/w","wiki":"enwiki","parsedcomment":"<span dir=\"auto\"><span class=\"autocomment\">{comment}</span></span>"}}"#
    )
}

fn lines(rng: &mut Rng) -> String {
    [(); 20].map(|()| text(rng, 80)).join("\n")
}

fn korean(rng: &mut Rng) -> String {
    let syllables = |rng: &mut Rng| repeat_with(|| rng.char('가'..='힣')).take(3).collect::<String>();
    [(); 30].map(|()| syllables(rng)).join(" ")
}

/// English words, `length` bytes in all.
fn text(rng: &mut Rng, length: usize) -> String {
    let mut text = String::new();
    while text.len() < length {
        text.extend([word(rng), " "]);
    }
    text.truncate(length);
    text
}

fn word(rng: &mut Rng) -> &'static str {
    const WORDS: &str = "a and as be but by for from good have he her I in is it long make moment not of on or say \
        she so some something stream that the their there they this time to together town up was we what when whether \
        which will with without word world would you";
    let words = WORDS.split(' ');
    words.clone().nth(rng.usize(..words.count())).expect("the number is below the count")
}

/// Letters and digits.
fn token(rng: &mut Rng, length: usize) -> String {
    repeat_with(|| rng.alphanumeric()).take(length).collect()
}
