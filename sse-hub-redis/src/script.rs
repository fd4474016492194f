//! What Redis does in one step.

use redis::Script;
use std::sync::LazyLock;

macro_rules! script {
    ($file:literal) => {
        LazyLock::new(|| Script::new(concat!(include_str!("lua/common.lua"), include_str!($file))))
    };
}

pub(crate) static OPEN: LazyLock<Script> = script!("lua/open.lua");
pub(crate) static CHECK: LazyLock<Script> = script!("lua/check.lua");
