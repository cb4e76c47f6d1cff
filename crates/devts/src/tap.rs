//! How a node is watched from outside without disturbing it: facts, told where they happen, to an observer that says
//! nothing back. Without the feature `sim` nobody watches, and all of this is nothing. Knows no rule that facts obey.

use crate::Undeliverable;
use crate::member::{PeerEvent, View};
use devts_proto::claim::Vector;
use devts_proto::{Life, NodeId};

#[cfg(feature = "sim")]
pub(crate) use on::{Observer, Tap, Turns};

#[cfg(not(feature = "sim"))]
pub(crate) use off::{Tap, Turns};

/// What watches one node. All of it is nothing by default.
pub(crate) struct Watch<N> {
    pub(crate) tap: Tap,
    pub(crate) turns: Turns<N>,
}

impl<N> Default for Watch<N> {
    fn default() -> Watch<N> {
        Watch { tap: Tap::default(), turns: Turns::default() }
    }
}

#[cfg(feature = "sim")]
mod on {
    use super::{Life, NodeId, PeerEvent, Undeliverable, Vector, View, Watch};
    use crate::Builder;
    use std::fmt;
    use std::sync::Arc;

    /// Who is told what happens in one node, at once and with no lock of the node held. It must neither wait nor panic.
    pub(crate) trait Observer: Send + Sync {
        /// In the cluster as `life`. Of what others emitted, the events up to `baseline` will not be delivered.
        fn joined(&self, _life: Life, _baseline: &Vector) {}
        /// The `joined` hook is over: the node takes part.
        fn entered(&self, _life: Life) {}
        /// An event was accepted from a turn or from outside, as this life's number `seq`.
        fn emitted(&self, _seq: u64) {}
        /// The turns of these events of a peer are over; those that the state reflected before are not among them.
        fn handled(&self, _origin: Life, _first: u64, _last: u64) {}
        /// These events will not come; the node's `gap` hook is told next.
        fn gap(&self, _origin: Life, _first: u64, _last: u64) {}
        /// These events are not in the state that the node took, or began without; its `gap` hook is told next.
        fn hole(&self, _origin: Life, _first: u64, _last: u64) {}
        /// Another's state was taken: the node's now reflects all of this, whatever it reflected before.
        fn restored(&self, _vector: &Vector) {}
        /// What this node sees of another has changed. The view that shows it is told next.
        fn member(&self, _event: &PeerEvent) {}
        /// The node's view, anew, and how many members are in it.
        fn view(&self, _version: u64, _len: usize) {}
        /// A send of this node was accepted and will not arrive.
        fn undeliverable(&self, _to: NodeId, _name: &str, _why: Undeliverable) {}
        /// The node has left, or failed in itself. A node whose host is gone tells nothing.
        fn stopped(&self) {}
    }

    /// Passes facts on, if somebody watches.
    #[derive(Clone, Default)]
    pub(crate) struct Tap(Option<Arc<dyn Observer>>);

    impl fmt::Debug for Tap {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "Tap({})", if self.0.is_some() { "watched" } else { "unwatched" })
        }
    }

    impl Tap {
        fn tell(&self, fact: impl FnOnce(&dyn Observer)) {
            if let Some(observer) = &self.0 {
                fact(&**observer);
            }
        }

        pub(crate) fn joined(&self, life: Life, baseline: &Vector) {
            self.tell(|observer| observer.joined(life, baseline));
        }

        pub(crate) fn entered(&self, life: Option<Life>) {
            self.tell(|observer| life.into_iter().for_each(|life| observer.entered(life)));
        }

        #[inline]
        pub(crate) fn emitted(&self, seq: u64) {
            self.tell(|observer| observer.emitted(seq));
        }

        pub(crate) fn handled(&self, origin: Life, first: u64, last: u64) {
            self.tell(|observer| observer.handled(origin, first, last));
        }

        pub(crate) fn gap(&self, origin: Life, first: u64, last: u64) {
            self.tell(|observer| observer.gap(origin, first, last));
        }

        pub(crate) fn hole(&self, origin: Life, first: u64, last: u64) {
            self.tell(|observer| observer.hole(origin, first, last));
        }

        pub(crate) fn restored(&self, vector: &Vector) {
            self.tell(|observer| observer.restored(vector));
        }

        pub(crate) fn shown(&self, view: &View, changes: &[(PeerEvent, u64)]) {
            self.tell(|observer| {
                changes.iter().for_each(|(event, _)| observer.member(event));
                observer.view(view.version(), view.len());
            });
        }

        pub(crate) fn undeliverable(&self, to: NodeId, name: &str, why: Undeliverable) {
            self.tell(|observer| observer.undeliverable(to, name, why));
        }

        pub(crate) fn stopped(&self) {
            self.tell(|observer| observer.stopped());
        }
    }

    /// Shows the node itself, if somebody looks.
    pub(crate) struct Turns<N>(Option<Seen<N>>);

    type Seen<N> = Box<dyn FnMut(&N) + Send>;

    impl<N> Default for Turns<N> {
        fn default() -> Turns<N> {
            Turns(None)
        }
    }

    impl<N> Turns<N> {
        /// Between two turns.
        pub(crate) fn over(&mut self, node: &N) {
            if let Some(seen) = &mut self.0 {
                seen(node);
            }
        }
    }

    impl<N> Builder<N> {
        /// Who is told what happens in the node, and who sees it after each item that its turns have worked off.
        pub(crate) fn watched(
            mut self,
            observer: Arc<dyn Observer>,
            seen: impl FnMut(&N) + Send + 'static,
        ) -> Builder<N> {
            self.watch = Watch { tap: Tap(Some(observer)), turns: Turns(Some(Box::new(seen))) };
            self
        }
    }
}

#[cfg(not(feature = "sim"))]
mod off {
    use super::{Life, NodeId, PeerEvent, Undeliverable, Vector, View};
    use std::marker::PhantomData;

    #[derive(Clone, Debug, Default)]
    pub(crate) struct Tap(());

    impl Tap {
        pub(crate) fn joined(&self, _: Life, _: &Vector) {}
        pub(crate) fn entered(&self, _: Option<Life>) {}
        #[inline]
        pub(crate) fn emitted(&self, _: u64) {}
        pub(crate) fn handled(&self, _: Life, _: u64, _: u64) {}
        pub(crate) fn gap(&self, _: Life, _: u64, _: u64) {}
        pub(crate) fn hole(&self, _: Life, _: u64, _: u64) {}
        pub(crate) fn restored(&self, _: &Vector) {}
        pub(crate) fn shown(&self, _: &View, _: &[(PeerEvent, u64)]) {}
        pub(crate) fn undeliverable(&self, _: NodeId, _: &str, _: Undeliverable) {}
        pub(crate) fn stopped(&self) {}
    }

    pub(crate) struct Turns<N>(PhantomData<fn(&N)>);

    impl<N> Default for Turns<N> {
        fn default() -> Turns<N> {
            Turns(PhantomData)
        }
    }

    impl<N> Turns<N> {
        pub(crate) fn over(&mut self, _: &N) {}
    }
}

#[cfg(test)]
#[cfg(all(feature = "sim", feature = "tokio"))]
mod tests {
    use super::{Life, NodeId, Observer, PeerEvent, Undeliverable, Vector};
    use crate::{Builder, Context, Event, Node, NodeHandle, Profile};
    use serde::{Deserialize, Serialize};
    use std::sync::{Arc, Mutex};

    #[derive(Serialize, Deserialize, Event)]
    #[event("tap.add", crate = "crate")]
    struct Add(u64);

    #[derive(Default)]
    struct Sum(u64);

    #[crate::node("sum", crate = "crate")]
    impl Node for Sum {
        #[on]
        fn add(&mut self, Add(number): Add) {
            self.0 += number;
        }
        #[snapshot]
        fn snapshot(&self) -> u64 {
            self.0
        }
        #[restore]
        fn restore(&mut self, sum: u64) {
            self.0 = sum;
        }
    }

    /// Facts as lines.
    #[derive(Clone, Default)]
    struct Facts(Arc<Mutex<Vec<String>>>);

    impl Facts {
        fn add(&self, fact: String) {
            self.0.lock().unwrap().push(fact);
        }

        fn all(&self) -> Vec<String> {
            self.0.lock().unwrap().clone()
        }

        fn watch(&self, builder: Builder<Sum>) -> Builder<Sum> {
            let (facts, mut last) = (self.clone(), 0);
            builder.profile(Profile::Local).watched(Arc::new(self.clone()), move |node| {
                if std::mem::replace(&mut last, node.0) != node.0 {
                    facts.add(format!("sum {last}"));
                }
            })
        }
    }

    impl Observer for Facts {
        fn joined(&self, life: Life, baseline: &Vector) {
            let baseline: Vec<u64> = baseline.values().copied().collect();
            self.add(format!("joined {} {baseline:?}", life.node.get()));
        }
        fn entered(&self, life: Life) {
            self.add(format!("entered {}", life.node.get()));
        }
        fn emitted(&self, seq: u64) {
            self.add(format!("emitted {seq}"));
        }
        fn handled(&self, origin: Life, first: u64, last: u64) {
            (first..=last).for_each(|seq| self.add(format!("handled {} {seq}", origin.node.get())));
        }
        fn restored(&self, vector: &Vector) {
            let vector: Vec<String> =
                vector.iter().map(|(life, last)| format!("{} {last}", life.node.get())).collect();
            self.add(format!("restored {vector:?}"));
        }
        fn member(&self, event: &PeerEvent) {
            let text = format!("{event:?}");
            self.add(format!("{} {}", text.split('(').next().unwrap(), event.id().get()));
        }
        fn view(&self, _: u64, len: usize) {
            self.add(format!("view of {len}"));
        }
        fn undeliverable(&self, to: NodeId, name: &str, why: Undeliverable) {
            self.add(format!("undeliverable {to} {name} {why:?}"));
        }
        fn stopped(&self) {
            self.add("stopped".into());
        }
    }

    async fn until(what: &str, facts: &Facts) {
        let told = async {
            while !facts.all().iter().any(|fact| fact == what) {
                tokio::task::yield_now().await;
            }
        };
        let limit = tokio::time::timeout(std::time::Duration::from_secs(30), told);
        limit.await.unwrap_or_else(|_| panic!("no `{what}` in {:#?}", facts.all()));
    }

    /// Those of the facts that are not about views, which come when they come.
    fn own(facts: &Facts) -> Vec<String> {
        let about = ["view", "Joined", "Updated", "Left"];
        facts.all().into_iter().filter(|fact| !about.iter().any(|word| fact.starts_with(word))).collect()
    }

    async fn pair(one: &Facts, two: &Facts) -> crate::Result<[NodeHandle<Sum>; 2]> {
        let id = |number| NodeId::new(number).expect("it is not zero");
        let first = one.watch(crate::join((), Sum::default())).node_id(id(1)).await?;
        let turn = |sum: &mut Sum, cx: &mut Context<Sum>| {
            sum.0 = 5;
            cx.emit(Add(5))
        };
        first.with(turn).await??;
        let seed = first.address();
        let second = two.watch(crate::join(seed, Sum::default())).node_id(id(2)).must_join().await?;
        Ok([first, second])
    }

    #[test]
    fn facts_of_two_nodes_in_their_order() {
        let (one, two) = (Facts::default(), Facts::default());
        let run = async {
            let [first, second] = pair(&one, &two).await?;
            first.emit(Add(7)).await?;
            until("handled 1 2", &two).await;
            second.emit(Add(1)).await?;
            until("handled 2 1", &one).await;
            second.stop().await?;
            until("Left 2", &one).await;
            first.stop().await?;
            Ok(())
        };
        crate::block_on(run).unwrap();
        let one_expected = [
            "joined 1 [0]",
            "entered 1",
            "emitted 1",
            "sum 5",
            "emitted 2",
            "handled 2 1",
            "sum 6",
            "stopped",
        ];
        assert_eq!(own(&one), one_expected);
        let two_expected = [
            "joined 2 [1, 0]",
            "restored [\"1 1\", \"2 0\"]",
            "entered 2",
            "sum 5",
            "handled 1 2",
            "sum 12",
            "emitted 1",
            "stopped",
        ];
        assert_eq!(own(&two), two_expected);
        assert!(one.all().contains(&"view of 2".into()) && two.all().contains(&"view of 2".into()));
    }
}
