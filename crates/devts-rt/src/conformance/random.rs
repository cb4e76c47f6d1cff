//! The check of the source of randomness: it looks for a source that is constant, not for a weak one.

use super::tools::Host;

pub(super) async fn random_differs(host: Host) {
    let draw = || {
        let mut buffer = [0; 32];
        host.fill_random(&mut buffer).expect("the host has a source of randomness");
        buffer
    };
    let draws: Vec<_> = (0..8).map(|_| draw()).collect();
    for (at, one) in draws.iter().enumerate() {
        assert_ne!(*one, [0; 32], "the buffer was not filled");
        assert!(!draws[..at].contains(one), "two draws of 32 bytes are equal");
    }
    host.fill_random(&mut []).expect("no bytes can always be had");
}
