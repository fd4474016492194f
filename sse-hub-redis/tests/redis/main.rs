//! A hub on real Redis servers.

mod access;
mod chaos;
mod contract;
mod epochs;
mod faults;
mod killed_nodes;
mod publishing;
mod pubsub;
mod replays;
mod restarts;
mod strangers;
mod trimming;
mod util;
