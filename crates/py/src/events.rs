//! One Python class an event.

use ::moq::carrier::Transport;
use ::moq::framing::location::Location;
use ::moq::relay::event::{DrainReason, Event, FetchStatus};
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
    Stopped {}
}

fn pair(location: Location) -> PyLocation {
    (location.group.0, location.object.0)
}

/// The Python object of an event.
pub(crate) fn to_python(py: Python<'_>, event: Event) -> PyResult<Py<PyAny>> {
    Ok(match event {
        Event::Incoming { session, incoming } => Py::new(
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
        Event::Connected { session, protocol } => Py::new(
            py,
            Connected {
                session: session.0,
                protocol,
            },
        )?
        .into_any(),
        Event::StreamBytes {
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
        Event::StreamReset {
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
        Event::StreamStopped {
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
        Event::Closed {
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
        Event::SinkAttached {
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
        Event::SinkDrained {
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
        Event::SourceEnded { source } => Py::new(py, SourceEnded { source: source.0 })?.into_any(),
        Event::Malformed {
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
        Event::TrackState {
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
        Event::GroupReached { track, group } => Py::new(
            py,
            GroupReached {
                track: track.0,
                group,
            },
        )?
        .into_any(),
        Event::FetchAnswer {
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
        Event::FetchDone { fetch, complete } => Py::new(
            py,
            FetchDone {
                fetch: fetch.0,
                complete,
            },
        )?
        .into_any(),
        Event::Stopped => Py::new(py, Stopped {})?.into_any(),
    })
}
