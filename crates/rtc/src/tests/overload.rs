//! More than leaves.

use super::ms;
use super::net::Net;

#[test]
fn what_the_kernel_has_no_room_for_is_dropped_and_what_follows_goes_on() {
    let mut net = Net::new();
    let publisher = net.join();
    let mut camera = net.flowing(publisher);
    let subscriber = net.join();
    let watch = net.watch(subscriber, camera.track);
    net.run(ms(50));
    net.frame(&mut camera, 2, true);
    net.run(ms(50));
    net.blocked = true;
    net.film(&mut camera, 0.5);
    assert_eq!(net.got(watch).len(), 2);
    assert!(net.count(|counters| counters.rtp_dropped_overload.get()) >= 45);
    net.blocked = false;
    net.frame(&mut camera, 2, false);
    net.run(ms(50));
    let got = net.got(watch);
    assert_eq!(got.len(), 4);
    let gap = got[2].header.sequence.wrapping_sub(got[1].header.sequence);
    assert_eq!(gap, 46, "the subscriber knows what it misses");
}
