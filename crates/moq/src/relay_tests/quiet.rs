//! Sessions and tracks on which nothing happens.

use super::*;

/// S10: who waits for a track that is silent stays: browsers ping less often than silence may last.
#[test]
fn a_session_on_which_nothing_happens_stays() {
    for transport in BOTH {
        let mut net = Net::new();
        let track = net.track();
        let publisher = net.join_on(16, transport, 0);
        let publisher = net.publish(publisher, track);
        let subscriber = net.join_on(16, transport, 0);
        let subscription = net.subscribe(subscriber, track);
        let waiting = net.join_on(16, transport, 0);
        net.seconds(60);
        assert_eq!(net.peer(waiting).closed, None);
        net.write_group(&publisher, 0, 1);
        net.run_until_quiet();
        assert_eq!(net.objects(&subscription), [at(0, 0)]);
    }
}
