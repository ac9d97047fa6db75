//! Bytes of an enemy.

use super::super::sctp::Sctp;
use super::*;

#[test]
fn garbage_changes_nothing() {
    let mut call = Call::connected();
    for n in 0..2_000_u64 {
        let length = (call.roll() * 3) as usize;
        let mut bytes: Vec<u8> = (0..length).map(|_| call.roll() as u8).collect();
        if let Some(first) = bytes.first_mut() {
            *first = if n % 2 == 0 {
                (n % 4) as u8
            } else {
                20 + (n % 44) as u8
            };
        }
        call.receive(address(5_000), &bytes);
        call.receive(address(6_000), &bytes);
    }
    call.run(seconds(5.0));
    assert!(call.take_events().is_empty());
    assert!(call.strays.is_empty());
    call.client.dtls.as_mut().unwrap().close();
    call.run(seconds(3.0));
    assert_eq!(call.lost(), [Lost::CloseNotify], "the association stood");
}

#[test]
fn damaged_copies_of_a_handshake_change_nothing() {
    for seed in 1..=20_u64 {
        let mut call = Call::new();
        call.dice = seed * 0x9e37_79b9;
        call.client.call();
        for _ in 0..30 {
            call.run(seconds(0.01));
            for mut bytes in call.overheard.clone() {
                let at = (call.roll() as usize * 7) % bytes.len();
                bytes[at] ^= 1 << (call.roll() % 8);
                call.receive(address(6_000), &bytes);
            }
        }
        call.run(seconds(2.0));
        call.keys();
        assert!(call.strays.iter().all(|(_, bytes)| bytes.len() <= 64));
    }
}

#[test]
fn a_flood_of_requests_is_answered_one_by_one_and_kept_nowhere() {
    let mut call = Call::new();
    for n in 0..10_000_u16 {
        let request = call.client.check(n % 2 == 0);
        let from = address(10_000 + n);
        call.wire.clear();
        call.receive(from, &request);
        assert_eq!(call.wire.len(), 1);
    }
    assert_eq!(call.server.addresses().count(), super::super::ADDRESSES);
}

#[test]
fn a_flood_of_hellos_costs_one_handshake() {
    let mut call = Call::new();
    call.run(seconds(1.0));
    let mut attacker = Client::new(call.now, credentials("server"), address(5_000));
    attacker.answers.push(super::super::stun::Answer::Error(0));
    let mut answered = 0;
    for _ in 0..1_000 {
        attacker.call_again(call.now);
        call.wire.clear();
        for bytes in attacker.outgoing(call.now) {
            call.receive(address(5_000), &bytes);
        }
        answered += call.wire.len();
        call.run(seconds(0.0001));
    }
    assert_eq!(call.context.handshakes(), 1);
    assert!(answered <= 10, "{answered} datagrams in 0.1 s");
}

/// A shard takes many datagrams in a pass before it asks what came of them.
#[test]
fn more_records_in_a_pass_than_dtls_keeps_are_lost_and_nothing_else() {
    let mut call = Call::connected();
    let mut buffer = vec![0; 20_000];
    for _ in 0..3 {
        for n in 0..100 {
            let dtls = call.client.dtls.as_mut().unwrap();
            dtls.send(&[n; 100]).unwrap();
            while let Some(output) = dtls.poll(call.now, &mut buffer) {
                if let super::super::dtls::Output::Packet(size) = output {
                    let from = path(address(5_000));
                    call.server.handle_dtls(call.now, from, &buffer[..size]);
                }
            }
        }
        call.run(seconds(0.1));
    }
    call.run(seconds(3.0));
    assert!(call.take_events().is_empty());
}

/// SCTP packets of a peer that has shaken hands, with bytes of them changed and the checksum made good.
#[test]
fn damaged_packets_of_sctp_are_survived() {
    const CHECKSUM: crc::Crc<u32> = crc::Crc::<u32>::new(&crc::CRC_32_ISCSI);
    for seed in 1..=200_u64 {
        let mut call = Call::new();
        call.dice = seed * 0x9e37_79b9;
        let now = call.now;
        let (mut server, mut client) = (Sctp::accept(), Sctp::call(5_000));
        let mut heard: Vec<Vec<u8>> = Vec::new();
        for _ in 0..20 {
            while let Some(packet) = client.poll_transmit(now) {
                heard.push(packet.to_vec());
                server.handle(now, &packet);
            }
            while let Some(packet) = server.poll_transmit(now) {
                client.handle(now, &packet);
            }
            if let Some(association) = client.association()
                && let Ok(mut stream) = association.open_stream(
                    call.dice as u16 % 100,
                    sctp_proto::PayloadProtocolIdentifier::Binary,
                )
            {
                let _ = stream.write(&[7; 300]);
            }
            let mut whole = heard[0].clone();
            whole[8..12].fill(0);
            let checksum = CHECKSUM.checksum(&whole).to_le_bytes();
            assert_eq!(heard[0][8..12], checksum, "what is damaged is read");
            for _ in 0..20 {
                let mut bytes = heard[call.roll() as usize % heard.len()].clone();
                for _ in 0..=call.roll() % 4 {
                    let at = 12 + (call.roll() * call.roll()) as usize % (bytes.len() - 12);
                    bytes[at] = (call.roll() * 3) as u8;
                }
                bytes[8..12].fill(0);
                let checksum = CHECKSUM.checksum(&bytes).to_le_bytes();
                bytes[8..12].copy_from_slice(&checksum);
                server.handle(now, &bytes);
                while server.poll_transmit(now).is_some() {}
            }
        }
        server.handle_timeout(now + seconds(60.0));
    }
}
