//! Real browsers and other clients, and a real proxy, against a real server of each framework.

mod browsers;
mod connections;
mod crowd;
mod curl;
mod demo_chat;
mod demo_pages;
mod demo_restart;
mod errors;
mod frameworks;
mod hub;
mod nginx;
mod pages;
mod proxy;
mod restart;
mod scripts;
mod source;
mod util;
