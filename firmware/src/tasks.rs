//! What is known of the tasks: `ps` shows it.
//!
//! Tasks are futures that run until they wait, one at a time. Each is handed to the executor in a
//! wrapper that counts how often it ran and how long.

use core::cell::{Cell, RefCell};
use core::pin::Pin;
use core::task::{Context, Poll};
use core::time::Duration;

use embassy_time::Instant;

use crate::firmware::Spawn;
use crate::limits::TASKS_MAX;
use crate::system::System;

/// One task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TaskInfo {
    /// 1, 2, ... in the order in which they were started.
    pub number: u32,
    /// The service that it belongs to.
    pub name: &'static str,
    /// Bytes of memory that are its own.
    pub bytes: usize,
    /// How often it ran until it waited again.
    pub turns: u64,
    /// How long it ran, all turns together.
    pub busy: Duration,
    /// True for the one that asks.
    pub runs: bool,
}

/// All tasks.
#[derive(Debug, Default)]
pub(crate) struct Tasks {
    table: RefCell<heapless::Vec<TaskInfo, TASKS_MAX>>,
    running: Cell<Option<usize>>,
}

impl Tasks {
    /// Notes a task; the result is its place. What finds none is not shown.
    fn add(&self, name: &'static str, bytes: usize) -> usize {
        let mut table = self.table.borrow_mut();
        let place = table.len();
        let number = place as u32 + 1;
        let task = TaskInfo { number, name, bytes, turns: 0, busy: Duration::ZERO, runs: false };
        let _ = table.push(task);
        place
    }

    fn ran(&self, place: usize, time: Duration) {
        if let Some(task) = self.table.borrow_mut().get_mut(place) {
            task.turns += 1;
            task.busy += time;
        }
    }
}

impl System {
    /// The tasks.
    pub fn tasks(&self) -> heapless::Vec<TaskInfo, TASKS_MAX> {
        let mut tasks = self.tasks.table.borrow().clone();
        if let Some(task) = self.tasks.running.get().and_then(|place| tasks.get_mut(place)) {
            task.runs = true;
        }
        tasks
    }

    /// The number of the first task of this name.
    pub fn task_number(&self, name: &str) -> Option<usize> {
        let tasks = self.tasks();
        tasks.iter().find(|task| task.name == name).map(|task| task.number as usize)
    }
}

/// An executor whose tasks are counted.
pub(crate) struct Counting<'a, S> {
    pub system: &'static System,
    pub tasks: &'a mut S,
}

impl<S: Spawn> Spawn for Counting<'_, S> {
    fn spawn<F: Future<Output = ()> + 'static>(&mut self, name: &'static str, task: F) {
        let place = self.system.tasks.add(name, size_of::<F>());
        self.tasks.spawn(name, Counted { task, system: self.system, place });
    }
}

pin_project_lite::pin_project! {
    /// A task that is counted.
    struct Counted<F> {
        #[pin]
        task: F,
        system: &'static System,
        place: usize,
    }
}

impl<F: Future<Output = ()>> Future for Counted<F> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let this = self.project();
        let tasks = &this.system.tasks;
        let begun = Instant::now();
        tasks.running.set(Some(*this.place));
        let polled = this.task.poll(context);
        tasks.running.set(None);
        tasks.ran(*this.place, begun.elapsed().into());
        polled
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{block_on, system};

    /// Runs what is spawned at once, to its end.
    struct AtOnce;

    impl Spawn for AtOnce {
        fn spawn<F: Future<Output = ()> + 'static>(&mut self, _name: &'static str, task: F) {
            block_on(task);
        }
    }

    #[test]
    fn turns_and_time_are_counted() {
        let system = system();
        let mut tasks = Counting { system, tasks: &mut AtOnce };
        tasks.spawn("one", async move {
            embassy_time::Timer::after_secs(5).await;
            let seen = system.tasks();
            assert_eq!((seen[0].name, seen[0].runs), ("one", true));
        });
        tasks.spawn("two", async {});
        let seen = system.tasks();
        assert!(seen.iter().all(|task| !task.runs && task.turns > 0), "{seen:?}");
        assert_eq!((seen.len(), seen[1].number, seen[1].turns), (2, 2, 1));
        // Waiting is not running.
        assert_eq!(seen[0].busy, Duration::ZERO);
        for _ in 0..TASKS_MAX {
            tasks.spawn("more", async {});
        }
        assert_eq!(system.tasks().len(), TASKS_MAX);
    }
}
