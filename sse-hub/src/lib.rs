#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod sync;

mod control;
mod error;
mod position;
mod record;

mod audience;
mod log;

mod builder;
mod hub;
mod shared;
mod stats;
mod subscription;

mod engine;
mod tail;

pub use crate::builder::Builder;
pub use crate::control::{GapCause, RefusedCause};
pub use crate::engine::{AppendError, Engine, EngineError, Limit, Loss, Read, Topics};
pub use crate::error::{InvalidSettings, PublishError};
pub use crate::hub::Hub;
pub use crate::position::{Cursor, Position};
pub use crate::record::Record;
pub use crate::stats::{Health, Stats};
pub use crate::subscription::{Start, Subscription};
