//! Shared queues: named per `vm_id`, owned by the context that registered last
//! (`proxy-wasm-cpp-host` `shared_queue.cc`).

use std::collections::{BTreeMap, VecDeque};

use crate::status::Status;

/// The context that hears of new items.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Owner {
    pub worker: usize,
    pub context: u32,
}

#[derive(Debug)]
struct Queue {
    name: (String, Vec<u8>),
    owner: Owner,
    items: VecDeque<Vec<u8>>,
}

/// Every queue of a host; its token is its place in the list, from 1.
#[derive(Debug, Default)]
pub(crate) struct Queues {
    queues: Vec<Queue>,
    /// Per worker: (context, token) of `proxy_on_queue_ready` calls not made yet.
    ready: BTreeMap<usize, VecDeque<(u32, u32)>>,
}

impl Queues {
    pub fn register(&mut self, vm_id: &str, name: &[u8], owner: Owner) -> u32 {
        if let Some(token) = self.resolve(vm_id, name) {
            self.queues[token as usize - 1].owner = owner;
            return token;
        }
        let name = (vm_id.to_owned(), name.to_owned());
        self.queues.push(Queue {
            name,
            owner,
            items: VecDeque::new(),
        });
        self.queues.len() as u32
    }

    pub fn resolve(&self, vm_id: &str, name: &[u8]) -> Option<u32> {
        let at = self
            .queues
            .iter()
            .position(|q| q.name.0 == vm_id && q.name.1 == name)?;
        Some(at as u32 + 1)
    }

    pub fn enqueue(&mut self, token: u32, item: Vec<u8>) -> Result<(), Status> {
        let queue = self.queue(token)?;
        queue.items.push_back(item);
        let owner = queue.owner;
        self.ready
            .entry(owner.worker)
            .or_default()
            .push_back((owner.context, token));
        Ok(())
    }

    pub fn dequeue(&mut self, token: u32) -> Result<Vec<u8>, Status> {
        self.queue(token)?.items.pop_front().ok_or(Status::Empty)
    }

    /// The next context of `worker` to be told, and the queue's token.
    pub fn next_ready(&mut self, worker: usize) -> Option<(u32, u32)> {
        self.ready.get_mut(&worker)?.pop_front()
    }

    fn queue(&mut self, token: u32) -> Result<&mut Queue, Status> {
        (token as usize)
            .checked_sub(1)
            .and_then(|at| self.queues.get_mut(at))
            .ok_or(Status::NotFound)
    }
}
