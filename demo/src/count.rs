//! Counts bytes at the socket, and cuts connections.

use crate::visit::Lane;
use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use futures_util::task::AtomicWaker;
use std::io::{self, ErrorKind, IoSlice};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// A listener whose connections count their bytes.
pub(crate) struct Counting<L>(pub(crate) L);

/// A socket that counts what passes through it.
pub(crate) struct Counted {
    socket: TcpStream,
    connection: Connection,
}

/// A handle to a connection. A handler gets it as `ConnectInfo`, and claims the bytes for its lane.
#[derive(Clone)]
pub(crate) struct Connection(Arc<Shared>);

struct Shared {
    from_this_machine: bool,
    exchange: Mutex<Exchange>,
    cut: AtomicBool,
    reader: AtomicWaker,
}

/// A request and its response. Browsers send the next request on a connection only after the
/// response has ended, so what is read after something was written begins another exchange.
#[derive(Default)]
struct Exchange {
    lane: Option<Arc<Lane>>,
    /// Bytes of the request that were read before its handler was called.
    unclaimed: u64,
    answered: bool,
    /// A WebSocket has its connection for good.
    upgraded: bool,
}

impl<L: Listener<Io = TcpStream, Addr = SocketAddr>> Listener for Counting<L> {
    type Io = Counted;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Counted, SocketAddr) {
        let (socket, peer) = self.0.accept().await;
        let shared = Shared {
            from_this_machine: socket.local_addr().is_ok_and(|local| local.ip() == peer.ip()),
            exchange: Mutex::default(),
            cut: AtomicBool::new(false),
            reader: AtomicWaker::new(),
        };
        (Counted { socket, connection: Connection(Arc::new(shared)) }, peer)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

impl<L: Listener<Io = TcpStream, Addr = SocketAddr>> Connected<IncomingStream<'_, Counting<L>>>
    for Connection
{
    fn connect_info(stream: IncomingStream<'_, Counting<L>>) -> Self {
        stream.io().connection.clone()
    }
}

impl Connection {
    /// Counts the request in progress, and its response, in this lane.
    pub(crate) fn claim(&self, lane: &Arc<Lane>) {
        let mut exchange = self.exchange();
        lane.requests.fetch_add(1, Ordering::Relaxed);
        lane.up.fetch_add(std::mem::take(&mut exchange.unclaimed), Ordering::Relaxed);
        exchange.lane = Some(lane.clone());
    }

    /// Does the same, and counts all that follows on this connection.
    pub(crate) fn claim_for_good(&self, lane: &Arc<Lane>) {
        self.claim(lane);
        self.exchange().upgraded = true;
    }

    /// Whether the last request on this connection was one of this lane.
    pub(crate) fn belongs_to(&self, lane: &Arc<Lane>) -> bool {
        self.exchange().lane.as_ref().is_some_and(|claimed| Arc::ptr_eq(claimed, lane))
    }

    /// Closes the connection, whatever is in progress.
    pub(crate) fn cut(&self) {
        self.0.cut.store(true, Ordering::Relaxed);
        self.0.reader.wake();
    }

    pub(crate) fn is_from_this_machine(&self) -> bool {
        self.0.from_this_machine
    }

    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Whether the socket is closed, so that nothing but this handle is left.
    pub(crate) fn is_last_handle(&self) -> bool {
        Arc::strong_count(&self.0) == 1
    }

    fn exchange(&self) -> MutexGuard<'_, Exchange> {
        self.0.exchange.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read(&self, bytes: usize) {
        let mut exchange = self.exchange();
        if exchange.answered && !exchange.upgraded && bytes > 0 {
            *exchange = Exchange::default();
        }
        match &exchange.lane {
            Some(lane) => _ = lane.up.fetch_add(bytes as u64, Ordering::Relaxed),
            None => exchange.unclaimed += bytes as u64,
        }
    }

    fn written(&self, bytes: usize) {
        let mut exchange = self.exchange();
        exchange.answered = true;
        if let Some(lane) = &exchange.lane {
            lane.down.fetch_add(bytes as u64, Ordering::Relaxed);
        }
    }
}

impl AsyncRead for Counted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.connection.0.reader.register(cx.waker());
        if self.connection.0.cut.load(Ordering::Relaxed) {
            return Poll::Ready(Err(ErrorKind::ConnectionReset.into()));
        }
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.socket).poll_read(cx, buf))?;
        self.connection.read(buf.filled().len() - before);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Counted {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let bytes = ready!(Pin::new(&mut self.socket).poll_write(cx, buf))?;
        self.connection.written(bytes);
        Poll::Ready(Ok(bytes))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let bytes = ready!(Pin::new(&mut self.socket).poll_write_vectored(cx, bufs))?;
        self.connection.written(bytes);
        Poll::Ready(Ok(bytes))
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }
}
