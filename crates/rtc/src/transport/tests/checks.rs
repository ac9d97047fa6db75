//! Binding requests: who is answered, and what they change.

use is::stun::{StunMessage, StunMessageBuilder, TransId};

use super::super::stun::{self, Answer};
use super::*;

/// A request of the client's, changed by `change` and signed with `pwd`.
fn signed(message: StunMessage<'_>, pwd: Option<&str>) -> Vec<u8> {
    let mut buffer = [0; 256];
    let key = pwd.map(str::as_bytes);
    let length = message.to_bytes(key, &mut buffer, hmac).unwrap();
    buffer[..length].to_vec()
}

fn hmac(key: &[u8], parts: &[&[u8]]) -> [u8; 20] {
    use aws_lc_rs::hmac;
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, key);
    let tag = hmac::sign(&key, &parts.concat());
    tag.as_ref().try_into().unwrap()
}

fn request(username: &str, controlling: bool) -> StunMessage<'_> {
    StunMessage::binding_request(username, TransId::new(), controlling, 7, 1_000, false)
}

/// A request with an attribute of type 0x0033, which nobody knows and everybody must.
fn with_unknown_attribute(pwd: &str) -> Vec<u8> {
    let mut bytes = signed(request("server:them", true), None);
    bytes.truncate(bytes.len() - 8);
    bytes.extend([0x00, 0x33, 0, 2, 1, 2, 0, 0]);
    let set_length = |bytes: &mut Vec<u8>, more: usize| {
        let length = (bytes.len() - 20 + more) as u16;
        bytes[2..4].copy_from_slice(&length.to_be_bytes());
    };
    set_length(&mut bytes, 24);
    let tag = hmac(pwd.as_bytes(), &[&bytes]);
    bytes.extend([0, 8, 0, 20]);
    bytes.extend(tag);
    set_length(&mut bytes, 8);
    let crc = crc::Crc::<u32>::new(&crc::CRC_32_ISO_HDLC).checksum(&bytes) ^ 0x5354_554e;
    bytes.extend([0x80, 0x28, 0, 4]);
    bytes.extend(crc.to_be_bytes());
    bytes
}

/// What the server says to a datagram from a stranger's address.
fn reply(bytes: &[u8]) -> (Option<Check>, Option<Vec<u8>>) {
    let mut call = Call::new();
    let check = call.receive(address(6_000), bytes);
    let replies: Vec<_> = call.wire.into_iter().map(|packet| packet.bytes).collect();
    assert!(replies.len() <= 1);
    (check, replies.into_iter().next())
}

fn error_of(reply: &[u8]) -> u16 {
    match stun::answer(reply, "") {
        Some((_, Answer::Error(code))) => code,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_check_with_our_credentials_is_answered_with_the_address_it_came_from() {
    let call = Call::new();
    let (check, reply) = reply(&call.client.check(true));
    assert_eq!(check, Some(Check::Authentic { evicted: None }));
    let reply = reply.unwrap();
    let answer = stun::answer(&reply, &credentials("server").pwd).unwrap();
    assert_eq!(answer.1, Answer::Success(address(6_000)));
    assert_eq!(reply.len(), 64);
}

/// RFC 8489 §9.1.3, §6.3.1; RFC 8445 §7.3.1.1.
#[test]
fn what_is_wrong_with_a_request_is_said_in_no_more_bytes_than_it_has() {
    let pwd = credentials("server").pwd;
    let no_priority = StunMessageBuilder::new()
        .binding()
        .request()
        .username("server:them")
        .build(TransId::new());
    for (code, bytes) in [
        (401, signed(request("server:them", true), Some("wrong"))),
        (400, signed(request("server:them", true), None)),
        (400, signed(no_priority, Some(&pwd))),
        (420, with_unknown_attribute(&pwd)),
        (487, signed(request("server:them", false), Some(&pwd))),
    ] {
        let (check, reply) = reply(&bytes);
        let reply = reply.unwrap_or_else(|| panic!("no {code}"));
        assert_eq!(check, Some(Check::Refused), "{code}");
        assert_eq!(error_of(&reply), code);
        assert!(reply.len() <= bytes.len(), "{code}");
    }
}

#[test]
fn an_unknown_attribute_is_named_and_the_answer_signed() {
    let pwd = credentials("server").pwd;
    let (_, reply) = reply(&with_unknown_attribute(&pwd));
    let reply = reply.unwrap();
    let message = StunMessage::parse(&reply).unwrap();
    assert!(message.verify(pwd.as_bytes(), hmac));
    let named = [0x00, 0x0a, 0, 2, 0x00, 0x33, 0, 0];
    assert!(reply.windows(named.len()).any(|window| window == named));
}

#[test]
fn what_is_no_intact_request_is_not_answered() {
    let call = Call::new();
    let good = call.client.check(true);
    let mut damaged = good.clone();
    damaged[30] ^= 1;
    let mut truncated = good.clone();
    truncated.truncate(good.len() - 8);
    truncated[3] -= 8;
    let pwd = credentials("server").pwd;
    let success = signed(
        StunMessage::binding_reply(TransId::new(), address(1)),
        Some(&pwd),
    );
    let mut indication = good.clone();
    indication[1] = 0x11;
    let fingerprint_only = signed(
        StunMessageBuilder::new()
            .binding()
            .request()
            .build(TransId::new()),
        None,
    );
    for (name, bytes) in [
        ("damaged", damaged),
        ("no fingerprint", truncated),
        ("success", success),
        ("indication", indication),
        ("shorter than an answer", fingerprint_only),
        ("empty", Vec::new()),
    ] {
        let (_, reply) = reply(&bytes);
        assert_eq!(reply, None, "{name}");
    }
}

#[test]
fn a_strangers_ufrag_is_left_to_the_registry() {
    let bytes = signed(request("another:them", true), Some("whatever"));
    let (check, answered) = reply(&bytes);
    assert_eq!((check, answered), (Some(Check::Stranger), None));
    assert_eq!(stun::local_ufrag(&bytes), Some("another"));
    let mut buffer = [0; stun::LARGEST_ANSWER];
    let length = stun::refuse(&bytes, &mut buffer).unwrap();
    assert_eq!(error_of(&buffer[..length]), 401);
}

#[test]
fn a_request_is_checked_before_a_session_is_claimed_for_it() {
    let call = Call::new();
    let bytes = call.client.check(false);
    assert!(stun::is_authentic(&bytes, &credentials("server")));
    let mut wrong = credentials("server");
    wrong.pwd.push('x');
    assert!(!stun::is_authentic(&bytes, &wrong));
    assert!(!stun::is_authentic(&bytes, &credentials("another")));
}

#[test]
fn a_request_replayed_from_another_address_moves_nothing_and_is_not_answered() {
    let mut call = Call::connected();
    let overheard = call.client.check(true);
    call.receive(call.client.address, &overheard);
    call.run(seconds(0.1));
    let check = call.receive(address(6_666), &overheard);
    assert_eq!(check, Some(Check::Refused));
    call.run(seconds(5.0));
    assert!(call.strays.is_empty());
    assert_eq!(call.server.path(), Some(path(call.client.address)));
}

#[test]
fn a_request_is_known_for_a_replay_a_minute_later() {
    let mut call = Call::connected();
    let overheard = call.client.check(true);
    call.receive(call.client.address, &overheard);
    call.run(seconds(60.0));
    let check = call.receive(address(6_666), &overheard);
    assert_eq!(check, Some(Check::Refused));
    call.run(seconds(1.0));
    assert_eq!(call.server.path(), Some(path(call.client.address)));
}

#[test]
fn a_retransmitted_request_is_answered_again() {
    let mut call = Call::new();
    let request = call.client.check(true);
    for _ in 0..2 {
        let check = call.receive(address(5_000), &request);
        assert_eq!(check, Some(Check::Authentic { evicted: None }));
    }
    assert_eq!(call.wire.len(), 2);
}

#[test]
fn media_follows_the_peer_to_another_address() {
    let mut call = Call::connected();
    for (nominates, longest) in [(true, 0.6), (false, 1.7)] {
        call.client.nominates = nominates;
        call.client.address = address(call.client.address.port() + 1);
        call.run(seconds(longest));
        assert_eq!(call.server.path(), Some(path(call.client.address)));
    }
    assert!(call.take_events().is_empty());
}

#[test]
fn packets_that_opened_keep_the_session_where_it_is() {
    let mut call = Call::connected();
    call.client.checks = None;
    let home = call.client.address;
    for _ in 0..30 {
        call.run(seconds(0.1));
        call.server.heard(call.now, home);
        let elsewhere = call.client.check(false);
        call.receive(address(6_000), &elsewhere);
    }
    assert_eq!(call.server.path(), Some(path(home)));
}

#[test]
fn a_restart_keeps_the_session_and_forgets_the_old_credentials() {
    let mut call = Call::connected();
    call.server.add_credentials(credentials("second"));
    call.run(seconds(1.0));
    assert!(call.take_events().is_empty(), "the old ones still count");
    let old = call.client.server.clone();
    call.client.server = credentials("second");
    call.client.address = address(5_001);
    call.run(seconds(1.0));
    assert!(matches!(
        &call.take_events()[..],
        [Event::Restarted { ufrag }] if ufrag == "second"
    ));
    assert_eq!(call.server.path(), Some(path(address(5_001))));
    call.client.server = old;
    let check = call.client.check(true);
    assert_eq!(call.receive(address(5_000), &check), Some(Check::Stranger));
}

#[test]
fn a_session_remembers_eight_addresses() {
    let mut call = Call::new();
    call.client.checks = None;
    for port in 0..8 {
        let check = call.client.check(false);
        assert_eq!(
            call.receive(address(7_000 + port), &check),
            Some(Check::Authentic { evicted: None })
        );
        call.run(seconds(0.01));
    }
    let check = call.client.check(false);
    let evicted = Some(address(7_001));
    assert_eq!(
        call.receive(address(8_000), &check),
        Some(Check::Authentic { evicted })
    );
    assert_eq!(call.server.addresses().count(), 8);
}
