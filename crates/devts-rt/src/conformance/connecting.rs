//! The checks of `listen`, `accept`, `connect` and `resolve`: who finds whom, and what is said when nobody is there.

use super::tools::{ANY_PORT, Host, close, on, pattern, read_to_end, write_all};
use futures_util::future::{join, join_all};
use std::collections::HashSet;
use std::io::ErrorKind;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

pub(super) async fn listen_gives_its_address(host: Host) {
    let first = host.transport().listen(ANY_PORT).await.expect("a free port can be had");
    let second = host.transport().listen(ANY_PORT).await.expect("another one too");
    assert_eq!(first.address().ip(), ANY_PORT.ip());
    assert_ne!(first.address().port(), 0, "port 0 stands for the port that was taken");
    assert_ne!(first.address(), second.address());
}

pub(super) async fn listen_in_use_is_refused(host: Host) {
    let listener = host.transport().listen(ANY_PORT).await.expect("a free port can be had");
    let error = host.transport().listen(listener.address()).await.expect_err("one port has one listener");
    assert_eq!(error.kind(), ErrorKind::AddrInUse, "{error}");
}

pub(super) async fn listen_dropped_frees_the_port(host: Host) {
    let listener = host.transport().listen(ANY_PORT).await.expect("a free port can be had");
    let address = listener.address();
    // A connection that was accepted outlives its listener and does not hold the port.
    let connected = join(host.transport().connect(address), listener.accept()).await;
    drop(listener);
    let again = host.transport().listen(address).await.expect("the port is free again");
    assert_eq!(again.address(), address);
    drop(connected);
}

pub(super) async fn connect_refused_is_told(host: Host) {
    // Somebody else may take the port between our letting it go and our asking for it.
    for _ in 0..5 {
        let listener = host.transport().listen(ANY_PORT).await.expect("a free port can be had");
        let address = listener.address();
        drop(listener);
        if let Err(error) = host.transport().connect(address).await {
            assert_eq!(error.kind(), ErrorKind::ConnectionRefused, "{error}");
            return;
        }
    }
    panic!("five dead ports could be connected to");
}

pub(super) async fn accept_dropped_loses_none(host: Host) {
    const CLIENTS: usize = 32;
    let listener = host.transport().listen(ANY_PORT).await.expect("a free port can be had");
    let address = listener.address();
    let clients = (0..CLIENTS).map(|_| host.transport().connect(address));
    let clients = join_all(clients).await;
    assert!(clients.iter().all(Result::is_ok), "the backlog holds {CLIENTS} connections");
    let mut from = HashSet::new();
    while from.len() < CLIENTS {
        // Polled once and dropped, whether it had anything or not.
        let polled = listener.accept().as_mut().poll(&mut Context::from_waker(Waker::noop()));
        match polled {
            Poll::Ready(accepted) => assert!(from.insert(accepted.expect("the listener is alive").1)),
            Poll::Pending => host.sleep(Duration::from_millis(1)).await,
        }
    }
}

pub(super) async fn connections_many(host: Host) {
    const CLIENTS: u32 = 64;
    let listener = host.transport().listen(ANY_PORT).await.expect("a free port can be had");
    let address = listener.address();
    let server = Arc::clone(&host);
    host.spawn(Box::pin(async move {
        for _ in 0..CLIENTS {
            let (mut conn, _) = listener.accept().await.expect("the listener is alive");
            server.spawn(Box::pin(async move {
                let bytes = read_to_end(&mut conn).await;
                write_all(&mut conn, &bytes).await;
            }));
        }
    }));
    let clients = (0..CLIENTS).map(|number| {
        let connect = host.transport().connect(address);
        on(&host, async move {
            let mut conn = connect.await.expect("the listener is alive");
            let sent = pattern(number, 3_000);
            write_all(&mut conn, &sent).await;
            close(&mut conn).await;
            read_to_end(&mut conn).await == sent
        })
    });
    assert!(join_all(clients).await.iter().all(|same| *same), "an echo came back changed");
}

pub(super) async fn resolve_gives_addresses(host: Host) {
    let resolve = |name: &str| host.transport().resolve(name.to_owned());
    let number = resolve("127.0.0.1:80").await.expect("an address is its own name");
    assert_eq!(number, ["127.0.0.1:80".parse().expect("an address")]);
    let local = resolve("localhost:0").await.expect("localhost has an address");
    assert!(!local.is_empty(), "a name without an address is an error");
    assert!(local.iter().all(|address| address.ip().is_loopback() && address.port() == 0), "{local:?}");
}

pub(super) async fn resolve_nonsense_fails(host: Host) {
    // A label of 64 bytes is none, so that no resolver has to be asked, and none can invent an answer.
    let impossible = format!("{}.invalid:80", "x".repeat(64));
    for name in [impossible.as_str(), "no-port.invalid", "127.0.0.1:99999", ""] {
        let resolved = host.transport().resolve(name.to_owned()).await;
        assert!(resolved.is_err(), "{name:?} resolved to {resolved:?}");
    }
}
