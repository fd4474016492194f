//! The proof that `sse_core` links without `std`: a program for a target that has none.
//!
//! `ci.sh` builds it. It is not meant to run: the allocator has no memory.

#![no_std]
#![no_main]

use core::alloc::{GlobalAlloc, Layout};
use core::hint::black_box;
use core::panic::PanicInfo;
use core::ptr;
use sse_core::{Decoder, EncodedEvent, Event, Frame, LastEventId};

#[unsafe(no_mangle)]
extern "C" fn _start() -> ! {
    let id = LastEventId::from_request(None, Some("lastEventId=1"));
    let event = Event::new().id(id.as_deref().unwrap_or_default()).event("e").data("a\nb");
    let event = EncodedEvent::from(event);
    let mut decoder = Decoder::new();
    if let Ok(Some(Frame::Message(message))) = decoder.decode(&mut event.as_bytes()) {
        black_box(message.data.len());
    }
    loop {}
}

struct NoMemory;

// SAFETY: a null pointer means that there is no memory. Since none is allocated, none is freed.
unsafe impl GlobalAlloc for NoMemory {
    unsafe fn alloc(&self, _: Layout) -> *mut u8 {
        ptr::null_mut()
    }

    unsafe fn dealloc(&self, _: *mut u8, _: Layout) {}
}

#[global_allocator]
static ALLOCATOR: NoMemory = NoMemory;

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    loop {}
}
