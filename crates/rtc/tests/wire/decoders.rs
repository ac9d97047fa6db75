//! One sentence about every handler of hostile bytes, checked on any input. The fuzz targets run these;
//! so do the tests, on random and recorded bytes.

use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use aws_lc_rs::hmac;
use crc::{CRC_32_ISO_HDLC, Crc};
use is::stun::TransId;
use rtc::command::Credentials;
use rtc::transport::dtls::{Association, Output};
use rtc::transport::{
    Certificate, Check, Context, LARGEST_PACKET, Path, Settings, Transport, stun,
};
use shard::SocketId;

const UFRAG: &str = "ufrag";
const PWD: &str = "0123456789012345678901";

thread_local! {
    static CONTEXT: Rc<Context> = {
        let made = rcgen::generate_simple_self_signed(vec!["webrtc".to_owned()]).unwrap();
        let certificate = Certificate {
            certificate: made.cert.der().to_vec(),
            private_key: made.signing_key.serialize_der(),
        };
        let settings = Settings {
            handshakes: 1,
            silent: Duration::from_secs(10),
        };
        Rc::new(Context::new(certificate, settings).unwrap())
    };
}

fn transport() -> Transport {
    let credentials = Credentials {
        ufrag: UFRAG.to_owned(),
        pwd: PWD.to_owned(),
    };
    CONTEXT.with(|context| Transport::new(context, credentials))
}

fn path() -> Path {
    Path {
        socket: SocketId::MAIN,
        local_ip: None,
        remote: SocketAddr::from(([192, 0, 2, 1], 5_000)),
    }
}

/// A binding request with these attributes, signed or not, and a good fingerprint.
fn request(attributes: &[u8], signed: bool) -> Vec<u8> {
    let mut bytes = vec![0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42];
    bytes.extend([7; 12]);
    bytes.extend(attributes);
    bytes.truncate(bytes.len() - bytes.len() % 4);
    let mut append = |kind: u16, length: usize, value: &dyn Fn(&[u8]) -> Vec<u8>| {
        let counted = (bytes.len() - 20 + 4 + length) as u16;
        bytes[2..4].copy_from_slice(&counted.to_be_bytes());
        let value = value(&bytes);
        bytes.extend(kind.to_be_bytes());
        bytes.extend((length as u16).to_be_bytes());
        bytes.extend(value);
    };
    if signed {
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, PWD.as_bytes());
        append(0x0008, 20, &|covered| {
            hmac::sign(&key, covered).as_ref().to_vec()
        });
    }
    append(0x8028, 4, &|covered| {
        let checksum = Crc::<u32>::new(&CRC_32_ISO_HDLC).checksum(covered);
        (checksum ^ 0x5354_554e).to_be_bytes().to_vec()
    });
    bytes
}

/// Only a request that was signed with the password makes an address known, and no refusal is longer
/// than what it refuses.
pub fn stun(input: &[u8]) {
    let Some((&how, rest)) = input.split_first() else {
        return;
    };
    let attributes = &rest[..rest.len().min(1_200)];
    let signed = how & 1 != 0;
    let datagram = match how & 6 {
        0 => rest.to_vec(),
        2 => request(attributes, signed),
        _ => {
            let named = [&[0, 6, 0, 8][..], b"ufrag:th", attributes].concat();
            request(&named, signed)
        }
    };
    let mut transport = transport();
    let check = transport.handle_stun(Instant::now(), path(), &datagram);
    let authentic = matches!(check, Check::Authentic { .. });
    assert!(signed || !authentic);
    assert_eq!(authentic, transport.path().is_some());
    let mut buffer = [0; LARGEST_PACKET];
    while let Some(transmit) = transport.poll_transmit(Instant::now(), &mut buffer) {
        let reply = &buffer[..transmit.size];
        judge(&datagram, reply, authentic);
    }
    let _ = stun::local_ufrag(&datagram);
    if let Some(length) = stun::refuse(&datagram, &mut buffer) {
        judge(&datagram, &buffer[..length], false);
    }
}

fn judge(datagram: &[u8], reply: &[u8], authentic: bool) {
    assert!(reply.len() <= stun::LARGEST_ANSWER);
    match stun::answer(reply, PWD) {
        Some((_, stun::Answer::Success(address))) => {
            assert!(authentic);
            assert_eq!(address, path().remote);
        }
        Some((_, stun::Answer::Error(code))) => {
            assert!(matches!(code, 400 | 401 | 420 | 487) && !authentic);
            assert!(reply.len() <= datagram.len());
        }
        None => panic!("an answer that is none"),
    }
}

/// Datagrams of anybody, before or amid a handshake, connect nobody and keep at most one handshake.
pub fn dtls(input: &[u8]) {
    let Some((&how, mut rest)) = input.split_first() else {
        return;
    };
    let now = Instant::now();
    let mut transport = transport();
    let mut check = [0; 256];
    let length = stun::Request {
        transaction: TransId::new(),
        remote_ufrag: UFRAG,
        local_ufrag: "them",
        remote_pwd: PWD,
        tie_breaker: 1,
        use_candidate: true,
    }
    .write(&mut check)
    .unwrap();
    transport.handle_stun(now, path(), &check[..length]);
    let mut buffer = vec![0; 20_000];
    if how & 1 != 0 {
        let mut client = CONTEXT.with(|context| Association::client(context, now));
        if let Some(Output::Packet(size)) = client.poll(now, &mut buffer) {
            transport.handle_dtls(now, path(), &buffer[..size]);
        }
    }
    while let Some((&[high, low], after)) = rest.split_first_chunk() {
        let length = usize::from(u16::from_be_bytes([high, low])).min(after.len());
        let (datagram, after) = after.split_at(length);
        rest = after;
        transport.handle_dtls(now, path(), datagram);
        while transport.poll_transmit(now, &mut buffer).is_some() {}
        assert!(CONTEXT.with(|context| context.handshakes()) <= 1);
    }
    while let Some(event) = transport.poll_event() {
        assert!(matches!(event, rtc::transport::Event::Disconnected(_)));
    }
    drop(transport);
    assert_eq!(CONTEXT.with(|context| context.handshakes()), 0);
}
