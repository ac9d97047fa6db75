//! What a process costs, from `/proc`: CPU of it and of its threads, and resident memory.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use serde::Serialize;

/// A process that is watched.
#[derive(Clone, Copy, Debug)]
pub struct Process(u32);

/// CPU used since a process started; take one before and one after, and subtract.
#[derive(Clone, Debug, Default)]
pub struct Cpu {
    /// The whole process, also threads that ended.
    pub total: Duration,
    /// Threads by name; those that share a name are added up.
    pub threads: BTreeMap<String, Duration>,
}

/// Resident memory in bytes, of one moment each.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Memory {
    /// Before the first connection.
    pub start: u64,
    /// With all connected and none subscribed.
    pub connected: u64,
    /// When the counted time starts.
    pub running: u64,
    /// The most seen in the counted time.
    pub peak: u64,
    /// When the counted time ends.
    pub end: u64,
}

impl Process {
    /// Watches `pid`; `None` when there is no such process.
    pub fn new(pid: u32) -> Option<Self> {
        fs::exists(format!("/proc/{pid}/stat"))
            .ok()?
            .then_some(Self(pid))
    }

    /// CPU used so far; zero once the process is gone.
    pub fn cpu(self) -> Cpu {
        let mut cpu = Cpu {
            total: self.stat("stat").map_or(Duration::ZERO, |(_, used)| used),
            threads: BTreeMap::new(),
        };
        let tasks = fs::read_dir(format!("/proc/{}/task", self.0));
        for task in tasks.into_iter().flatten().flatten() {
            let name = task.file_name();
            let Some(name) = name.to_str() else { continue };
            if let Some((thread, used)) = self.stat(&format!("task/{name}/stat")) {
                *cpu.threads.entry(thread).or_default() += used;
            }
        }
        cpu
    }

    /// Resident bytes now; 0 once the process is gone.
    pub fn resident(self) -> u64 {
        let statm = fs::read_to_string(format!("/proc/{}/statm", self.0)).unwrap_or_default();
        let pages = statm
            .split(' ')
            .nth(1)
            .and_then(|pages| pages.parse::<u64>().ok());
        pages.unwrap_or(0) * page_bytes()
    }

    /// Name and CPU time of a `stat` file. The name stands in parentheses and may hold anything.
    fn stat(self, file: &str) -> Option<(String, Duration)> {
        let text = fs::read_to_string(format!("/proc/{}/{file}", self.0)).ok()?;
        parse_stat(&text)
    }
}

fn parse_stat(text: &str) -> Option<(String, Duration)> {
    let (name, rest) = text.split_once('(')?.1.rsplit_once(')')?;
    // proc(5): the state is field 3, utime 14 and stime 15.
    let mut fields = rest.split_ascii_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    let used = Duration::from_secs_f64((user + system) as f64 / ticks_per_second());
    Some((name.to_owned(), used))
}

/// CPU that this process used so far.
pub fn own_cpu() -> Duration {
    // SAFETY: `usage` is plain old data that the call fills.
    let usage = unsafe {
        let mut usage = std::mem::zeroed::<libc::rusage>();
        libc::getrusage(libc::RUSAGE_SELF, &mut usage);
        usage
    };
    let time = |value: libc::timeval| {
        Duration::from_secs(value.tv_sec as u64) + Duration::from_micros(value.tv_usec as u64)
    };
    time(usage.ru_utime) + time(usage.ru_stime)
}

fn ticks_per_second() -> f64 {
    // SAFETY: reads a constant of the system.
    unsafe { libc::sysconf(libc::_SC_CLK_TCK) as f64 }
}

fn page_bytes() -> u64 {
    // SAFETY: reads a constant of the system.
    unsafe { libc::sysconf(libc::_SC_PAGESIZE) as u64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_name_may_hold_parentheses_and_spaces() {
        let line = "7 (a (b) c) S 1 1 1 0 -1 4194560 9 0 0 0 150 50 0 0 20 0 3 0 5 6 7";
        assert_eq!(
            parse_stat(line),
            Some(("a (b) c".into(), Duration::from_secs(2)))
        );
    }

    #[test]
    fn this_process_has_memory_and_a_gone_one_does_not() {
        let own = Process::new(std::process::id()).expect("we are running");
        assert!(own.resident() > 100_000);
        assert!(Process::new(u32::MAX).is_none());
    }
}
