//! What sealing and opening cost, each profile: `cargo run --release -p rtp --example srtp_cost`.

use std::hint::black_box;
use std::time::{Duration, Instant};

use rtp::packet::{FIXED_HEADER, Header};
use rtp::srtp::{Keys, MAX_RTP_OVERHEAD, Profile, Receiver, Sender, SenderStream};

const PACKETS: u32 = 200_000;

fn main() {
    println!("ns per packet, the least of five rounds");
    println!("{:24}{:>8}{:>8}{:>8}", "profile", "payload", "seal", "open");
    for profile in Profile::ALL {
        for payload in [100, 1180] {
            let rounds = (0..5).map(|_| round(profile, payload));
            let (seal, open) = rounds.fold((Duration::MAX, Duration::MAX), |least, took| {
                (least.0.min(took.0), least.1.min(took.1))
            });
            let (seal, open) = (seal / PACKETS, open / PACKETS);
            let (seal, open) = (seal.as_nanos(), open.as_nanos());
            println!(
                "{:24}{payload:>8}{seal:>8}{open:>8}",
                format!("{profile:?}")
            );
        }
    }
}

/// Seals, then opens, one packet after another; how long each took altogether.
fn round(profile: Profile, payload: usize) -> (Duration, Duration) {
    let material = vec![7; profile.keying_material_len()];
    let (keys, _) = Keys::from_keying_material(profile, &material, true).expect("material");
    let sender = Sender::new(&keys);
    let (mut stream, mut receiver) = (SenderStream::default(), Receiver::new(&keys, 1));
    let mut buffer = vec![0; FIXED_HEADER + payload + MAX_RTP_OVERHEAD];
    let (mut sealing, mut opening) = (Duration::ZERO, Duration::ZERO);
    let mut sequence = 0_u16;
    // Rounds as long as a pass of a shard, so that the clock is read seldom.
    let mut sealed = vec![buffer.clone(); 64];
    for _ in 0..PACKETS / 64 {
        let start = Instant::now();
        for packet in &mut sealed {
            let header = Header {
                marker: false,
                payload_type: 96,
                sequence,
                timestamp: 0,
                ssrc: 1,
            };
            header.write(&[], packet).expect("room");
            let len = sender.protect(&mut stream, packet, FIXED_HEADER, FIXED_HEADER + payload);
            let _ = black_box(len);
            sequence = sequence.wrapping_add(1);
        }
        sealing += start.elapsed();
        let start = Instant::now();
        for packet in &mut sealed {
            let len = FIXED_HEADER + payload + profile.rtp_overhead();
            receiver.open(&mut packet[..len]).expect("authentic");
        }
        opening += start.elapsed();
    }
    buffer.clear();
    (sealing, opening)
}
