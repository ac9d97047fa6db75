//! What is left when things end: nothing.

use super::*;

/// Publishes, subscribes and fetches a little of everything, on both shards.
fn busy() -> (Net, Vec<PeerId>, TrackId) {
    let mut net = Net::with(|scene| scene.shards = 2);
    let track = net.track();
    let mut peers = Vec::new();
    for shard in [0, 1] {
        let publisher = net.join_on(16, Transport::Quic, shard);
        let source = net.publish(publisher, track);
        net.write_group(&source, 0, 3);
        let open = net.open(&source, 1, shard as u64);
        net.write_with(
            open,
            10 * shard as u64,
            Status::Normal,
            &[],
            100,
            vec![1; 50],
        );
        net.datagram(&source, at(2, shard as u64), 10);
        let promise = net.promise(publisher, track, 1_000);
        net.write_group(&promise, 0, 1);
        net.datagram(&promise, at(9, 9), 10);
        let subscriber = net.join_on(14, Transport::WebTransport, shard);
        net.subscribe(subscriber, track);
        net.subscribe_with(subscriber, track, |options| options.end_group = Some(5));
        let (waiting, _) = net.attach(subscriber, track, |_| {});
        assert_eq!(waiting.peer, subscriber);
        net.run_until_quiet();
        let fetching = net.fetch(subscriber, track, at(0, 0), at(1, 0));
        assert_eq!(fetching.status, FetchStatus::Ok);
        let stalled = net.join_on(16, Transport::Quic, shard);
        net.peer(stalled).reads = false;
        net.subscribe(stalled, track);
        peers.extend([publisher, subscriber, stalled]);
    }
    net.run_until_quiet();
    (net, peers, track)
}

/// S1: sessions that close leave nothing behind, in whatever they were.
#[test]
fn sessions_that_close_leave_nothing_behind() {
    for how in ["python", "peer", "vanished"] {
        let (mut net, peers, track) = busy();
        for peer in peers {
            match how {
                "python" => {
                    let session = net.session(peer);
                    let reason = String::new();
                    net.command(Command::Close {
                        session,
                        code: 0,
                        reason,
                    });
                }
                "peer" => {
                    let (now, key) = (net.now, net.peer(peer).key);
                    net.peer(peer).carriers.close(now, key, 0, "");
                }
                _ => net.peer(peer).cut = true,
            }
        }
        net.seconds(20);
        net.command(Command::CloseTrack { track });
        net.seconds(20);
        net.assert_empty();
    }
}

/// S1: the same where the track goes first.
#[test]
fn a_track_that_closes_first_leaves_nothing_behind() {
    let (mut net, peers, track) = busy();
    net.command(Command::CloseTrack { track });
    net.run_until_quiet();
    for peer in peers {
        let session = net.session(peer);
        let reason = String::new();
        net.command(Command::Close {
            session,
            code: 0,
            reason,
        });
    }
    net.seconds(20);
    net.assert_empty();
}

/// S1: a handle whose thing is gone does nothing, and neither does one that never was.
#[test]
fn a_handle_of_what_is_gone_does_nothing() {
    let (mut net, publisher, subscription, fetching) = {
        let mut net = Net::new();
        let (publisher, subscription) = net.pair((16, 16));
        net.write_group(&publisher, 0, 3);
        net.run_until_quiet();
        let peer = subscription.peer;
        let fetching = net.fetch(peer, publisher.track, at(0, 0), at(0, 0));
        net.run_until_quiet();
        (net, publisher, subscription, fetching)
    };
    let other = net.join(16);
    let session = net.session(subscription.peer);
    net.command(Command::Close {
        session,
        code: 0,
        reason: String::new(),
    });
    net.command(Command::DetachSource {
        source: publisher.source,
    });
    net.command(Command::CloseTrack {
        track: publisher.track,
    });
    net.run_until_quiet();
    net.events.clear();
    let before = net.relays[0].sinks.len();
    for never in [false, true] {
        let track = if never {
            TrackId(net.handle(0))
        } else {
            publisher.track
        };
        let sink = if never {
            SinkId(net.handle(0))
        } else {
            subscription.sink
        };
        let source = if never {
            SourceId(net.handle(0))
        } else {
            publisher.source
        };
        let fetch = if never {
            FetchId(net.handle(0))
        } else {
            fetching.fetch
        };
        let session = if never {
            SessionId(net.handle(0))
        } else {
            session
        };
        let (stream, reply) = (ControlStream(0), Bytes::from_static(b"x"));
        let data = reply.clone();
        let deadline = Duration::ZERO;
        let reason = String::new;
        for command in [
            Command::Accept {
                session,
                protocol: None,
            },
            Command::Refuse {
                session,
                status: 400,
            },
            Command::SetDraft { session, draft: 16 },
            Command::OpenStream {
                session,
                stream: ControlStream(1),
                bidirectional: true,
            },
            Command::Send {
                session,
                stream,
                data,
                fin: true,
            },
            Command::ResetStream {
                session,
                stream,
                code: 0,
            },
            Command::StopStream {
                session,
                stream,
                code: 0,
            },
            Command::Close {
                session,
                code: 0,
                reason: reason(),
            },
            Command::UpdateTrack {
                track,
                priority: Some(1),
                max_cache: None,
                largest: None,
            },
            Command::CloseTrack { track },
            Command::WatchGroup { track, group: 0 },
            Command::AttachSource {
                source,
                track,
                session,
                alias: 1,
            },
            Command::EndSource {
                source,
                streams: Some(0),
                deadline,
            },
            Command::DetachSource { source },
            Command::AttachSink {
                sink,
                track,
                session,
                options: Box::new(script::options()),
            },
            Command::StartSink {
                sink,
                stream,
                reply: reply.clone(),
            },
            Command::UpdateSink {
                sink,
                change: Box::default(),
            },
            Command::EndSink { sink },
            Command::DetachSink { sink },
            Command::StartFetch {
                fetch,
                stream,
                reply: reply.clone(),
            },
            Command::CancelFetch { fetch },
        ] {
            net.command(command);
            net.settle();
        }
    }
    net.run_until_quiet();
    assert!(net.events.is_empty(), "{:?}", net.events);
    assert_eq!(net.relays[0].sinks.len(), before);
    assert_eq!(net.peer(other).closed, None);
}

/// C3: nothing is kept longer than the cache's time, or than the publisher allows.
#[test]
fn the_cache_forgets_by_age() {
    for (allowed, kept) in [(None, 10), (Some(3), 3), (Some(60), 10)] {
        let mut net = Net::new();
        let (publisher, subscription) = net.pair((16, 16));
        let track = publisher.track;
        net.command(Command::UpdateTrack {
            track,
            priority: None,
            max_cache: allowed.map(Duration::from_secs),
            largest: None,
        });
        net.write_group(&publisher, 0, 4);
        net.keep_awake(subscription.peer, kept - 1);
        let fetching = net.fetch(subscription.peer, track, at(0, 0), at(0, 0));
        net.run_until_quiet();
        assert_eq!(net.fetched_at(&fetching), all(0..1, 4), "{allowed:?}");
        net.keep_awake(subscription.peer, 2);
        let fetching = net.fetch(subscription.peer, track, at(0, 0), at(0, 0));
        net.run_until_quiet();
        assert_eq!(net.fetched_at(&fetching), [], "{allowed:?}");
        assert_eq!(net.fetch_ranges(&fetching).len(), 1);
        assert_eq!(net.relays[0].store.bytes(), 0);
    }
}

/// C1: a scope that fills its budget loses its own oldest groups, and nobody else's.
#[test]
fn a_scope_that_is_full_loses_its_own_oldest() {
    let mut net = Net::with(|scene| scene.limits.cache.bytes_per_scope = 100_000);
    let peer = net.join(16);
    let quiet = net.track_of(0, ScopeId(1));
    let loud = net.track_of(0, ScopeId(2));
    let quiet = net.publish(peer, quiet);
    let loud = net.publish(peer, loud);
    net.write_group(&quiet, 0, 4);
    for group in 0..50 {
        net.write_subgroup(&loud, group, 0, 0..4, 1_000);
        net.run(Duration::from_millis(10));
    }
    let client = net.join(16);
    let kept = net.fetch(client, quiet.track, at(0, 0), at(0, 0));
    let newest = net.fetch(client, loud.track, at(40, 0), at(49, 0));
    let oldest = net.fetch(client, loud.track, at(0, 0), at(9, 0));
    net.run_until_quiet();
    assert_eq!(net.fetched_at(&kept), all(0..1, 4));
    assert_eq!(net.fetched_at(&newest), all(40..50, 4));
    assert_eq!(net.fetched_at(&oldest), []);
    assert!(net.relays[0].store.bytes() <= 106_000);
}

/// C1: all scopes together keep to the total.
#[test]
fn all_scopes_keep_to_the_total() {
    let mut net = Net::with(|scene| scene.limits.cache.bytes = 200_000);
    let peer = net.join(16);
    let mut publishers = Vec::new();
    for scope in 0..10 {
        let track = net.track_of(0, ScopeId(scope));
        publishers.push(net.publish(peer, track));
    }
    for group in 0..20 {
        for publisher in &publishers {
            net.write_subgroup(publisher, group, 0, 0..4, 1_000);
        }
        net.run(Duration::from_millis(20));
        assert!(net.relays[0].store.bytes() <= 204_000);
    }
    // The newest of everybody is still there.
    let client = net.join(16);
    for publisher in publishers {
        let fetching = net.fetch(client, publisher.track, at(19, 0), at(19, 0));
        net.run_until_quiet();
        assert_eq!(net.fetched_at(&fetching), all(19..20, 4));
    }
}

/// O16: an object behind the end of its group or track makes the track malformed; O17: it is not kept.
#[test]
fn an_object_behind_the_end_is_malformed() {
    for (status, group, object) in [
        (Status::EndOfGroup, 0, 5),
        (Status::EndOfTrack, 0, 5),
        (Status::EndOfTrack, 1, 0),
    ] {
        for shard in [0, 1] {
            let mut net = Net::with(|scene| scene.shards = 2);
            let track = net.track();
            let publisher = net.join_on(16, Transport::Quic, shard);
            let publisher = net.publish(publisher, track);
            let subscriber = net.join(16);
            let subscription = net.subscribe(subscriber, track);
            let writing = net.open(&publisher, 0, 0);
            net.write(writing, 0, payload(0, 0, 10));
            net.write_with(writing, 2, status, &[], 0, Vec::new());
            net.finish(writing);
            net.run_until_quiet();
            let bad = net.open(&publisher, group, 1);
            net.write(bad, object, payload(group, object, 10));
            net.run_until_quiet();
            let told = net.take(|event| match event {
                Event::Malformed { track, source, .. } => Some((*track, *source)),
                _ => None,
            });
            assert_eq!(told, Some((track, publisher.source)), "{status:?} {shard}");
            assert_eq!(net.objects(&subscription), [at(0, 0), at(0, 2)]);
            let stopped = net.peer(publisher.peer).stopped.clone();
            assert_eq!(stopped.len(), 1, "{status:?} {shard}");
            let fetching = net.fetch(subscriber, track, at(0, 0), at(1, 0));
            net.run_until_quiet();
            assert_eq!(net.fetched_at(&fetching), [at(0, 0)]);
        }
    }
}

/// O16: partly: the END_OF_GROUP bit counts once the stream has ended with a FIN.
#[test]
fn a_group_that_was_said_to_end_takes_no_more_objects() {
    let mut net = Net::new();
    let (publisher, subscription) = net.pair((16, 16));
    let writing = net.open_with(&publisher, 0, 0, |header| header.end_of_group = true);
    net.write(writing, 4, payload(0, 4, 10));
    net.finish(writing);
    net.run_until_quiet();
    let lower = net.open(&publisher, 0, 1);
    net.write(lower, 3, payload(0, 3, 10));
    net.finish(lower);
    net.run_until_quiet();
    assert_eq!(net.objects(&subscription), [at(0, 4), at(0, 3)]);
    net.datagram(&publisher, at(0, 5), 10);
    net.run_until_quiet();
    let told = net.take(|event| matches!(event, Event::Malformed { .. }).then_some(()));
    assert_eq!(told, Some(()));
    assert_eq!(net.objects(&subscription).len(), 2);
}

/// S5: a stream that ends inside an object closes its session alone; S4: nobody hears of it.
#[test]
fn a_stream_that_ends_inside_an_object_closes_its_session() {
    let mut net = Net::new();
    let (publisher, subscription) = net.pair((16, 16));
    let writing = net.open(&publisher, 0, 0);
    net.write_with(writing, 0, Status::Normal, &[], 100, vec![1; 50]);
    net.finish(writing);
    net.run_until_quiet();
    let closed = net.peer(publisher.peer).closed.clone();
    assert_eq!(closed.map(|it| it.0), Some(Some(0x3)));
    assert_eq!(net.peer(subscription.peer).closed, None);
    assert_eq!(net.objects(&subscription), []);
}
