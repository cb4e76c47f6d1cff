//! The checks of a connection: order, its ends, and who waits for whom. They know no frames.

use super::tools::{
    ANY_PORT, Conn, Host, close, on, outside, pair, park_on, pattern, read, read_to_end, write, write_all,
};
use futures_io::{AsyncRead, AsyncWrite};
use futures_util::future::{Either, join, select};
use std::future::poll_fn;
use std::io::{self, IoSlice, Write};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::time::Duration;

const MEBIBYTE: usize = 1024 * 1024;

/// Writes all and reads as much, in one task, whichever is ready: as a link does.
async fn exchange(conn: &mut Conn, out: &[u8]) -> io::Result<Vec<u8>> {
    let (mut sent, mut received) = (0, Vec::with_capacity(out.len()));
    let mut buffer = vec![0; 16 * 1024];
    poll_fn(|cx| {
        loop {
            let mut moved = false;
            if sent < out.len()
                && let Poll::Ready(count) = Pin::new(&mut *conn).poll_write(cx, &out[sent..])
            {
                sent += count?;
                moved = true;
            }
            if received.len() < out.len()
                && let Poll::Ready(count) = Pin::new(&mut *conn).poll_read(cx, &mut buffer)
            {
                let count = count?;
                assert_ne!(count, 0, "the stream ended after {} bytes", received.len());
                received.extend_from_slice(&buffer[..count]);
                moved = true;
            }
            if sent == out.len() && received.len() >= out.len() {
                return Poll::Ready(Ok(std::mem::take(&mut received)));
            }
            if !moved {
                return Poll::Pending;
            }
        }
    })
    .await
}

pub(super) async fn stream_both_ways_at_once(host: Host) {
    let (mut one, mut other) = pair(&host).await;
    let (there, back) = (pattern(1, MEBIBYTE), pattern(2, MEBIBYTE));
    let (there_sent, back_sent) = (there.clone(), back.clone());
    let one = on(&host, async move { exchange(&mut one, &there_sent).await.expect("the peer is there") });
    let other = on(&host, async move { exchange(&mut other, &back_sent).await.expect("the peer is there") });
    let (back_got, there_got) = join(one, other).await;
    assert!(there_got == there && back_got == back, "bytes were lost, doubled or swapped");
}

pub(super) async fn stream_half_closes(host: Host) {
    let (mut one, mut other) = pair(&host).await;
    write_all(&mut one, b"question").await;
    close(&mut one).await;
    assert_eq!(read_to_end(&mut other).await, b"question");
    // One direction has ended; the other carries on, in any amount.
    let answer = pattern(3, MEBIBYTE / 4);
    let expected = answer.clone();
    let answered = on(&host, async move {
        write_all(&mut other, &answer).await;
        close(&mut other).await;
        other
    });
    let (_other, got) = join(answered, read_to_end(&mut one)).await;
    assert!(got == expected, "the open direction lost bytes");
}

pub(super) async fn stream_dropped_is_eof(host: Host) {
    let (one, mut other) = pair(&host).await;
    drop(one);
    assert_eq!(read_to_end(&mut other).await, b"");
    let (mut one, mut other) = pair(&host).await;
    write_all(&mut one, b"last words").await;
    drop(one);
    assert_eq!(read_to_end(&mut other).await, b"last words", "what was written before still arrives");
}

pub(super) async fn stream_reset_is_told(host: Host) {
    let (mut one, mut other) = pair(&host).await;
    write_all(&mut one, &pattern(4, 64 * 1024)).await;
    assert!(read(&mut other, &mut [0]).await.is_ok_and(|count| count == 1));
    // Dead with unread data: TCP answers with a reset.
    drop(other);
    let read = read(&mut one, &mut [0; 16]).await;
    assert!(matches!(read, Ok(0) | Err(_)), "the dead peer sent {read:?}");
    let block = vec![0; 64 * 1024];
    while write(&mut one, &block).await.is_ok() {
        host.sleep(Duration::from_millis(1)).await;
    }
}

pub(super) async fn stream_vectored_keeps_order(host: Host) {
    let (mut one, mut other) = pair(&host).await;
    let sent = pattern(5, MEBIBYTE);
    let bytes = sent.clone();
    let writer = on(&host, async move {
        let mut at = 0;
        while at < bytes.len() {
            let rest = &bytes[at..];
            let (head, tail) = rest.split_at(rest.len() / 3);
            let parts = [IoSlice::new(head), IoSlice::new(&[]), IoSlice::new(tail)];
            at += poll_fn(|cx| Pin::new(&mut one).poll_write_vectored(cx, &parts))
                .await
                .expect("the peer reads");
        }
    });
    let ((), got) = join(writer, read_to_end(&mut other)).await;
    assert!(got == sent, "the parts came in another order");
}

pub(super) async fn stream_pushes_back(host: Host) {
    let (mut one, mut other) = pair(&host).await;
    let block = vec![7; MEBIBYTE];
    let mut written = 0;
    loop {
        // Waiting this long for a peer that reads nothing is the sign that no more is taken.
        match select(pin!(write(&mut one, &block)), host.sleep(Duration::from_millis(300))).await {
            Either::Left((count, _)) => written += count.expect("the peer is there"),
            Either::Right(_) => break,
        }
        assert!(written < 256 * MEBIBYTE, "a peer that reads nothing was sent {written} bytes");
    }
    let reader = on(&host, async move { read_to_end(&mut other).await.len() });
    close(&mut one).await;
    assert_eq!(reader.await, written, "a write given up while it waited wrote nothing");
}

pub(super) async fn stream_lets_others_run(host: Host) {
    let listener = host.transport().listen(ANY_PORT).await.expect("a free port can be had");
    let mut flood = std::net::TcpStream::connect(listener.address()).expect("the listener is alive");
    let (mut conn, _) = listener.accept().await.expect("the listener is alive");
    std::thread::spawn(move || while flood.write_all(&[0; 64 * 1024]).is_ok() {});
    let enough = Arc::new(AtomicBool::new(false));
    let stop = Arc::clone(&enough);
    let reader = on(&host, async move {
        let mut buffer = [0; 64];
        while !stop.load(Ordering::SeqCst) {
            read(&mut conn, &mut buffer).await.expect("the flood goes on");
        }
    });
    // The reader never runs out of bytes, and must let these run all the same.
    let inner = Arc::clone(&host);
    let others = on(&host, async move {
        for _ in 0..5 {
            inner.sleep(Duration::from_millis(1)).await;
        }
        enough.store(true, Ordering::SeqCst);
    });
    join(reader, others).await;
}

pub(super) async fn stream_from_a_plain_thread(host: Host) {
    let talk = async move {
        let (mut one, mut other) = pair(&host).await;
        let resolved = host.transport().resolve("localhost:1".to_owned()).await;
        write_all(&mut one, b"from outside").await;
        close(&mut one).await;
        (read_to_end(&mut other).await, resolved.is_ok())
    };
    assert_eq!(outside(move || park_on(talk)).await, (b"from outside".to_vec(), true));
}
