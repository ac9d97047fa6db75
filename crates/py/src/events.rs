//! One Python class an event.

use ::engine::Event;
use ::moq::carrier::Transport;
use ::moq::framing::location::Location;
use ::moq::relay::event::{DrainReason, Event as MoqEvent, FetchStatus};
use ::rtc::event::{Event as RtcEvent, Lost};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

type PyLocation = (u64, u64);

macro_rules! events {
    ($($name:ident { $($field:ident: $type:ty),* $(,)? })*) => {
        $(
            #[pyclass(frozen, get_all, module = "tidegate._engine")]
            pub(crate) struct $name {
                $($field: $type,)*
            }
        )*
    };
}

events! {
    Incoming {
        session: u64,
        transport: &'static str,
        alpn: String,
        authority: String,
        path: String,
        origin: Option<String>,
        protocols: Vec<String>,
        peer: String,
    }
    Connected { session: u64, protocol: String }
    StreamBytes { session: u64, stream: u64, data: Py<PyBytes>, fin: bool }
    StreamReset { session: u64, stream: u64, code: u64 }
    StreamStopped { session: u64, stream: u64, code: u64 }
    Closed { session: u64, code: Option<u64>, reason: String, remote: bool }
    SinkAttached { sink: u64, largest: Option<PyLocation>, valid: bool }
    SinkDrained { sink: u64, streams: u64, reason: &'static str }
    SourceEnded { source: u64 }
    Malformed { track: u64, source: u64, reason: String }
    TrackState { track: u64, query: u64, largest: Option<PyLocation> }
    GroupReached { track: u64, group: u64 }
    FetchAnswer { fetch: u64, status: &'static str, end_of_track: bool, end: PyLocation }
    FetchDone { fetch: u64, complete: bool }
    RtcConnected { session: u64 }
    RtcDisconnected { session: u64, reason: &'static str }
    RtcClosed { session: u64 }
    TrackFlowing { session: u64, track: u64 }
    TrackSilent { session: u64, track: u64 }
    Stopped {}
}

fn pair(location: Location) -> PyLocation {
    (location.group.0, location.object.0)
}

/// The Python object of an event.
pub(crate) fn to_python(py: Python<'_>, event: Event) -> PyResult<Py<PyAny>> {
    match event {
        Event::Moq(event) => moq_event(py, event),
        Event::Rtc(event) => rtc_event(py, event),
        Event::Stopped => Ok(Py::new(py, Stopped {})?.into_any()),
    }
}

fn rtc_event(py: Python<'_>, event: RtcEvent) -> PyResult<Py<PyAny>> {
    Ok(match event {
        RtcEvent::Connected { session } => {
            Py::new(py, RtcConnected { session: session.0 })?.into_any()
        }
        RtcEvent::Disconnected { session, reason } => {
            let reason = match reason {
                Lost::Silent => "silent",
                Lost::CloseNotify => "close_notify",
                Lost::Fingerprint => "fingerprint",
                Lost::Handshake => "handshake",
            };
            let session = session.0;
            Py::new(py, RtcDisconnected { session, reason })?.into_any()
        }
        RtcEvent::Closed { session } => Py::new(py, RtcClosed { session: session.0 })?.into_any(),
        RtcEvent::TrackFlowing { session, track } => {
            let (session, track) = (session.0, track.0);
            Py::new(py, TrackFlowing { session, track })?.into_any()
        }
        RtcEvent::TrackSilent { session, track } => {
            let (session, track) = (session.0, track.0);
            Py::new(py, TrackSilent { session, track })?.into_any()
        }
        RtcEvent::Stopped => Py::new(py, Stopped {})?.into_any(),
    })
}

fn moq_event(py: Python<'_>, event: MoqEvent) -> PyResult<Py<PyAny>> {
    Ok(match event {
        MoqEvent::Incoming { session, incoming } => Py::new(
            py,
            Incoming {
                session: session.0,
                transport: match incoming.transport {
                    Transport::Quic => "quic",
                    Transport::WebTransport => "webtransport",
                },
                alpn: incoming.alpn,
                authority: incoming.authority,
                path: incoming.path,
                origin: incoming.origin,
                protocols: incoming.protocols,
                peer: incoming.peer.to_string(),
            },
        )?
        .into_any(),
        MoqEvent::Connected { session, protocol } => Py::new(
            py,
            Connected {
                session: session.0,
                protocol,
            },
        )?
        .into_any(),
        MoqEvent::StreamBytes {
            session,
            stream,
            data,
            fin,
        } => {
            let data = PyBytes::new(py, &data).unbind();
            Py::new(
                py,
                StreamBytes {
                    session: session.0,
                    stream: stream.0,
                    data,
                    fin,
                },
            )?
            .into_any()
        }
        MoqEvent::StreamReset {
            session,
            stream,
            code,
        } => Py::new(
            py,
            StreamReset {
                session: session.0,
                stream: stream.0,
                code,
            },
        )?
        .into_any(),
        MoqEvent::StreamStopped {
            session,
            stream,
            code,
        } => Py::new(
            py,
            StreamStopped {
                session: session.0,
                stream: stream.0,
                code,
            },
        )?
        .into_any(),
        MoqEvent::Closed {
            session,
            code,
            reason,
            remote,
        } => Py::new(
            py,
            Closed {
                session: session.0,
                code,
                reason,
                remote,
            },
        )?
        .into_any(),
        MoqEvent::SinkAttached {
            sink,
            largest,
            valid,
        } => Py::new(
            py,
            SinkAttached {
                sink: sink.0,
                largest: largest.map(pair),
                valid,
            },
        )?
        .into_any(),
        MoqEvent::SinkDrained {
            sink,
            streams,
            reason,
        } => {
            let reason = match reason {
                DrainReason::Ended => "ended",
                DrainReason::Range => "range",
                DrainReason::TooFarBehind => "too_far_behind",
                DrainReason::Malformed => "malformed",
            };
            Py::new(
                py,
                SinkDrained {
                    sink: sink.0,
                    streams,
                    reason,
                },
            )?
            .into_any()
        }
        MoqEvent::SourceEnded { source } => {
            Py::new(py, SourceEnded { source: source.0 })?.into_any()
        }
        MoqEvent::Malformed {
            track,
            source,
            reason,
        } => Py::new(
            py,
            Malformed {
                track: track.0,
                source: source.0,
                reason,
            },
        )?
        .into_any(),
        MoqEvent::TrackState {
            track,
            query,
            largest,
        } => Py::new(
            py,
            TrackState {
                track: track.0,
                query,
                largest: largest.map(pair),
            },
        )?
        .into_any(),
        MoqEvent::GroupReached { track, group } => Py::new(
            py,
            GroupReached {
                track: track.0,
                group,
            },
        )?
        .into_any(),
        MoqEvent::FetchAnswer {
            fetch,
            status,
            end_of_track,
            end,
        } => {
            let status = match status {
                FetchStatus::Ok => "ok",
                FetchStatus::InvalidRange => "invalid_range",
                FetchStatus::NoObjects => "no_objects",
                FetchStatus::Unknown => "unknown",
            };
            Py::new(
                py,
                FetchAnswer {
                    fetch: fetch.0,
                    status,
                    end_of_track,
                    end: pair(end),
                },
            )?
            .into_any()
        }
        MoqEvent::FetchDone { fetch, complete } => Py::new(
            py,
            FetchDone {
                fetch: fetch.0,
                complete,
            },
        )?
        .into_any(),
        MoqEvent::Stopped => Py::new(py, Stopped {})?.into_any(),
    })
}
