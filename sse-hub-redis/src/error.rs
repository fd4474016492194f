use redis::RedisError;
use sse_hub::EngineError;
use std::error::Error;
use std::fmt;

/// An error of Redis that does not say what to do.
#[derive(Debug)]
struct Advised {
    error: RedisError,
    advice: &'static str,
}

/// Adds what to do about it.
pub(crate) fn advised(error: RedisError) -> EngineError {
    let text = error.to_string();
    let advice = match error.code() {
        Some("NOAUTH") => "Redis asks for a password, which belongs in the URL: redis://user:password@host/",
        Some("WRONGPASS") => "check the user and the password in the URL",
        Some("WRONGTYPE") => "the key holds something else than a stream: choose another one with `key`",
        Some("OOM") => "Redis is full: raise its `maxmemory`, or keep fewer events with `max_len`",
        _ if error.is_timeout() => "no Redis has answered at this address",
        _ if text.contains("permission") || text.contains("can't run this command") => {
            "the README of sse-hub-redis lists the commands that the user needs, besides access to the key"
        }
        _ => return error.into(),
    };
    Box::new(Advised { error, advice })
}

impl fmt::Display for Advised {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; {}", self.error, self.advice)
    }
}

impl Error for Advised {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.error)
    }
}
