//! Runs of equal datagrams: what one call hands to the kernel.
//!
//! All datagrams of a run but the last have one size (the last may be shorter). Encoders cut a frame into
//! packets whose sizes differ by a byte, so shorter ones are padded up to the run's longest where a few
//! bytes do it (RFC 3550 §5.1): a call costs more than a thousand bytes.

/// Datagrams in a run, at most: beyond, nothing is gained.
const MOST_DATAGRAMS: usize = 32;
/// Bytes in a run, at most: what UDP over IPv4 can say of itself, with room for headers.
const MOST_BYTES: usize = 65_000;
/// What padding may add to one packet.
pub(crate) const MOST_PADDING: usize = 12;

/// The first datagrams of a list that make a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Run {
    /// How many; 0 of an empty list only.
    pub(crate) datagrams: usize,
    /// The size of each of them, the last excepted.
    pub(crate) segment: usize,
}

/// Finds the first run of datagrams of these sizes, which may be padded where the flag says so.
pub(crate) fn first(sizes: impl IntoIterator<Item = (usize, bool)>) -> Run {
    let mut run = Run {
        datagrams: 0,
        segment: 0,
    };
    // Up to where the segment can grow, so that all before the last still reach it.
    let mut reach = usize::MAX;
    for (size, paddable) in sizes {
        let slack = if paddable { MOST_PADDING } else { 0 };
        let segment = run.segment.max(size);
        let full = run.datagrams == MOST_DATAGRAMS || (run.datagrams + 1) * segment > MOST_BYTES;
        if run.datagrams > 0 && (segment > reach || full) {
            break;
        }
        run.segment = segment;
        run.datagrams += 1;
        if size + slack < segment {
            break;
        }
        reach = reach.min(size + slack);
    }
    run
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(sizes: &[usize], paddable: bool) -> (usize, usize) {
        let run = first(sizes.iter().map(|&size| (size, paddable)));
        (run.datagrams, run.segment)
    }

    #[test]
    fn equal_sizes_are_one_run_and_the_last_may_be_shorter() {
        assert_eq!(run(&[1000; 8], false), (8, 1000));
        assert_eq!(run(&[1000, 1000, 300, 1000], false), (3, 1000));
        assert_eq!(run(&[1000, 1001, 1001], false), (1, 1000));
        assert_eq!(run(&[], true), (0, 0));
    }

    /// A frame as libwebrtc cuts it: the longer packets come last.
    #[test]
    fn packets_that_differ_by_a_byte_are_one_run_when_they_may_be_padded() {
        assert_eq!(run(&[1000, 1001, 1000, 1001], true), (4, 1001));
        assert_eq!(run(&[1000, 1012, 1000], true), (3, 1012));
        assert_eq!(run(&[1000, 1013], true), (1, 1000));
        assert_eq!(run(&[1012, 1000, 1013], true), (2, 1012));
    }

    #[test]
    fn a_run_ends_where_the_kernel_says_so() {
        assert_eq!(run(&[100; 50], false), (MOST_DATAGRAMS, 100));
        assert_eq!(run(&[4000; 50], false), (16, 4000));
    }
}
