//! The compiled half of Tidegate, as Python sees it. It converts and decides nothing; the docstrings
//! stand in `_engine.pyi`.

mod engine;
mod events;
mod limits;
mod load;
mod rtc;

use pyo3::prelude::*;

#[pymodule]
mod _engine {
    #[pymodule_export]
    use crate::engine::Engine;
    #[pymodule_export]
    use crate::events::{
        Closed, Connected, FetchAnswer, FetchDone, GroupReached, Incoming, Malformed, RtcClosed,
        RtcConnected, RtcDisconnected, SinkAttached, SinkDrained, SourceEnded, Stopped,
        StreamBytes, StreamReset, StreamStopped, TrackFlowing, TrackSilent, TrackState,
    };
    #[pymodule_export]
    use crate::limits::Limits;
    #[pymodule_export]
    use crate::load::run_load;
}
