//! The arguments of the WebRTC methods, as Rust names them.

use std::time::Duration;

use ::rtc::command::{Encoding, Mapping, PayloadType, SinkOptions, TrackOptions};
use ::rtp::codec::Codec;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::limits::seconds;

pub(crate) type PyPayloadType = (u8, String, u32, Option<u8>, bool);
pub(crate) type PyEncoding = (String, Option<u32>, Option<u32>);
pub(crate) type PyMapping = (u8, u8, Option<u8>);

fn codec(name: &str) -> PyResult<Codec> {
    Ok(match name {
        "opus" => Codec::Opus,
        "pcmu" => Codec::Pcmu,
        "pcma" => Codec::Pcma,
        "red" => Codec::Red,
        "vp8" => Codec::Vp8,
        "vp9" => Codec::Vp9,
        "h264" => Codec::H264,
        "h265" => Codec::H265,
        "av1" => Codec::Av1,
        "other" => Codec::Other,
        name => return Err(PyValueError::new_err(format!("{name:?} is not a codec"))),
    })
}

pub(crate) fn track_options(
    mid: String,
    video: bool,
    payload_types: Vec<PyPayloadType>,
    encodings: Vec<PyEncoding>,
    silent_seconds: f64,
) -> PyResult<TrackOptions> {
    let payload_types = payload_types
        .into_iter()
        .map(|(pt, name, clock_rate, rtx, nack)| {
            Ok(PayloadType {
                pt,
                codec: codec(&name)?,
                clock_rate,
                rtx,
                nack,
            })
        })
        .collect::<PyResult<_>>()?;
    let encodings = encodings
        .into_iter()
        .map(|(rid, ssrc, rtx_ssrc)| Encoding {
            rid,
            ssrc,
            rtx_ssrc,
        })
        .collect();
    let silent: Duration = seconds(silent_seconds)?;
    Ok(TrackOptions {
        mid,
        video,
        payload_types,
        encodings,
        silent,
    })
}

pub(crate) fn mappings(mappings: Vec<PyMapping>) -> Vec<Mapping> {
    mappings
        .into_iter()
        .map(|(from, to, rtx)| Mapping { from, to, rtx })
        .collect()
}

pub(crate) fn sink_options(
    mid: String,
    ssrc: u32,
    rtx_ssrc: Option<u32>,
    cname: String,
    mappings: Vec<PyMapping>,
    layers: Vec<String>,
) -> SinkOptions {
    SinkOptions {
        mid,
        ssrc,
        rtx_ssrc,
        cname,
        mappings: self::mappings(mappings),
        layers,
    }
}
