//! A relay and scripted clients in memory, with the clock in hand.

mod allocations;
mod churn;
mod control;
mod datagrams;
mod drafts;
mod early;
mod ends;
mod fetches;
mod hostile;
mod joining;
mod net;
mod objects;
mod peer;
mod publishers;
mod quiet;
mod script;
mod shards;
mod slow;
mod updates;

use std::time::Duration;

use track::{FetchId, ScopeId, SessionId, SinkId, SourceId, TrackId};

use net::{Net, PeerId};
use peer::{End, Object};
use script::{Fetching, Publisher, Subscription, Writing, all, at, payload};

use bytes::Bytes;

use crate::carrier::{Config, ReadState, Transport};
use crate::framing::datagram::{self, Body, ObjectDatagram};
use crate::framing::fetch::RangeEnd;
use crate::framing::header::{SubgroupId, TrackAlias};
use crate::framing::location::Location;
use crate::framing::properties::Properties;
use crate::framing::status::Status;
use crate::relay::command::{Command, ControlStream, Start};
use crate::relay::event::{DrainReason, Event, FetchStatus};

/// A publisher's and a subscriber's draft.
const PAIRS: [(u8, u8); 4] = [(14, 14), (16, 16), (14, 16), (16, 14)];
const BOTH: [Transport; 2] = [Transport::Quic, Transport::WebTransport];
