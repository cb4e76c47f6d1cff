//! Other nodes as this one sees them: members, numbered views of all of them, and how views change. Knows no link and
//! no handler.

use crate::encode::{DecodeError, decode};
use bytes::Bytes;
use devts_proto::claim::Claim;
use devts_proto::engine::ChangeKind;
use devts_proto::{Life, NodeId};
use futures_util::Stream;
use serde::de::DeserializeOwned;
use std::collections::VecDeque;
use std::fmt;
use std::net::SocketAddr;
use std::ops::Deref;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Waker};

/// How many changes wait for a reader of [`Membership`] before it is told [`MembershipEvent::Lagged`].
const LAG: usize = 1024;

/// A node as another sees it.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Member {
    /// Its id: stable, while its address may change.
    pub id: NodeId,
    /// The number of its process: greater after a restart.
    pub boot: u64,
    /// Its node kind.
    pub kind: String,
    /// Where it listens.
    pub address: SocketAddr,
    /// Its state is whole: it can give it to others of its kind.
    pub ready: bool,
    info: Bytes,
}

impl Member {
    pub(crate) fn new(claim: &Claim) -> Member {
        Member {
            id: claim.life.node,
            boot: claim.life.boot,
            kind: claim.kind.clone(),
            address: claim.address,
            ready: claim.ready,
            info: claim.info.clone(),
        }
    }

    /// Its id and boot number: the origin of the events it emits.
    pub fn life(&self) -> Life {
        Life { node: self.id, boot: self.boot }
    }

    /// What it tells of itself: [`crate::Builder::info`] or [`crate::Cluster::set_info`].
    ///
    /// # Errors
    ///
    /// When it told nothing, or something else than a `T`.
    pub fn info<T: DeserializeOwned>(&self) -> Result<T, DecodeError> {
        decode(&self.info)
    }
}

impl fmt::Debug for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} at {}", self.kind, self.life(), self.address)?;
        if self.ready { Ok(()) } else { f.write_str(", not ready") }
    }
}

/// A change in what this node sees of another, as the `peer` hook and [`Membership`] tell it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PeerEvent {
    /// A node came into the cluster. Those that were there before this one are in its first view.
    Joined(Member),
    /// It became ready, or its info or address changed.
    Updated(Member),
    /// It left by itself.
    Left(Member),
    /// It died, or is out of reach.
    Failed(Member),
    /// It is back, the same process: it had been out of reach.
    Rejoined(Member),
    /// It defines an event otherwise than this node: what it emits of that type is rejected here.
    Incompatible(Incompatible),
}

impl PeerEvent {
    pub(crate) fn new(kind: ChangeKind, member: Member) -> PeerEvent {
        match kind {
            ChangeKind::Joined => PeerEvent::Joined(member),
            ChangeKind::Left => PeerEvent::Left(member),
            ChangeKind::Failed => PeerEvent::Failed(member),
            ChangeKind::Rejoined => PeerEvent::Rejoined(member),
            _ => PeerEvent::Updated(member),
        }
    }

    /// Who it is about.
    pub fn id(&self) -> NodeId {
        match self {
            PeerEvent::Joined(member)
            | PeerEvent::Updated(member)
            | PeerEvent::Left(member)
            | PeerEvent::Failed(member)
            | PeerEvent::Rejoined(member) => member.id,
            PeerEvent::Incompatible(notice) => notice.origin.node,
        }
    }
}

/// Two definitions of one event name and version.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Incompatible {
    /// The other node.
    pub origin: Life,
    /// The event's wire name.
    pub name: String,
    /// The version that both claim.
    pub version: u16,
    /// The shape of this node's definition.
    pub ours: u64,
    /// The shape of the other's.
    pub theirs: u64,
}

impl fmt::Display for Incompatible {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Incompatible { origin, name, version, ours, theirs } = self;
        write!(
            f,
            "event `{name}` version {version} has one definition here (shape {ours:016x}) and another in node \
             {origin} (shape {theirs:016x}): use the same in both, or give the newer one the next version"
        )
    }
}

/// All live members, this node included, at one moment; ascending by id. Cheap to clone.
#[derive(Clone)]
pub struct View(Arc<(u64, Vec<Member>)>);

impl View {
    pub(crate) fn new(version: u64, members: Vec<Member>) -> View {
        View(Arc::new((version, members)))
    }

    /// Raised by one with each change, on this node alone.
    pub fn version(&self) -> u64 {
        self.0.0
    }

    /// The member with this id.
    pub fn member(&self, id: NodeId) -> Option<&Member> {
        self.binary_search_by_key(&id, |member| member.id).ok().map(|index| &self[index])
    }
}

impl Deref for View {
    type Target = [Member];

    fn deref(&self) -> &[Member] {
        &self.0.1
    }
}

impl fmt::Debug for View {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "view {} ", self.version())?;
        f.debug_list().entries(self.iter()).finish()
    }
}

/// What [`Membership`] gives: a view, then each change of it without a gap, or an explicit notice of one.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum MembershipEvent {
    /// The first item: the members when the stream was made.
    Snapshot(View),
    /// The next change.
    Changed {
        /// What happened.
        event: PeerEvent,
        /// The version of the view that shows it.
        version: u64,
    },
    /// More than 1 024 changes waited and were dropped; this is the view now, and changes go on from it.
    Lagged(View),
}

/// The members of a cluster as a stream: see [`crate::Cluster::membership`]. Ends when the node stops.
#[derive(Debug)]
pub struct Membership {
    first: Option<View>,
    watch: Arc<Watch>,
    views: Arc<Views>,
}

impl Membership {
    /// The next item; `None` when the node has stopped.
    pub async fn next(&mut self) -> Option<MembershipEvent> {
        std::future::poll_fn(|cx| self.poll(cx)).await
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<MembershipEvent>> {
        if let Some(view) = self.first.take() {
            return Poll::Ready(Some(MembershipEvent::Snapshot(view)));
        }
        // In the order of the writer: the views, then the watch.
        let views = self.views.lock();
        let mut watch = self.watch.lock();
        if std::mem::take(&mut watch.lagged) {
            return Poll::Ready(Some(MembershipEvent::Lagged(views.view.clone())));
        }
        match watch.changes.pop_front() {
            Some((event, version)) => Poll::Ready(Some(MembershipEvent::Changed { event, version })),
            None if views.closed => Poll::Ready(None),
            None => {
                watch.waker = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }
}

impl Stream for Membership {
    type Item = MembershipEvent;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<MembershipEvent>> {
        self.poll(cx)
    }
}

/// What waits for one reader.
#[derive(Debug, Default)]
struct Watch(Mutex<Watching>);

#[derive(Debug, Default)]
struct Watching {
    changes: VecDeque<(PeerEvent, u64)>,
    lagged: bool,
    waker: Option<Waker>,
}

impl Watch {
    fn lock(&self) -> MutexGuard<'_, Watching> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells the reader; returns whom to wake when no lock is held.
    fn push(&self, event: &PeerEvent, version: u64) -> Option<Waker> {
        let mut watching = self.lock();
        if watching.changes.len() == LAG {
            watching.changes.clear();
            watching.lagged = true;
        }
        // After a lag the reader is shown the view, which has these in it already.
        if !watching.lagged {
            watching.changes.push_back((event.clone(), version));
        }
        watching.waker.take()
    }
}

/// The newest view, and who follows it.
#[derive(Debug)]
pub(crate) struct Views(Mutex<Shown>);

#[derive(Debug)]
struct Shown {
    view: View,
    watches: Vec<Weak<Watch>>,
    closed: bool,
}

impl Views {
    pub(crate) fn new() -> Arc<Views> {
        Arc::new(Views(Mutex::new(Shown {
            view: View::new(0, Vec::new()),
            watches: Vec::new(),
            closed: false,
        })))
    }

    fn lock(&self) -> MutexGuard<'_, Shown> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The newest view.
    pub(crate) fn view(&self) -> View {
        self.lock().view.clone()
    }

    /// A stream from the newest view on.
    pub(crate) fn watch(self: &Arc<Views>) -> Membership {
        let watch = Arc::new(Watch::default());
        let mut shown = self.lock();
        shown.watches.push(Arc::downgrade(&watch));
        Membership { first: Some(shown.view.clone()), watch, views: self.clone() }
    }

    /// Shows a new view, and tells its readers what changed, each with its version.
    pub(crate) fn show(&self, view: View, changes: &[(PeerEvent, u64)]) {
        let (mut shown, mut woken) = (self.lock(), Vec::new());
        shown.view = view;
        shown.watches.retain(|watch| match watch.upgrade() {
            Some(watch) => {
                woken.extend(changes.iter().filter_map(|(event, version)| watch.push(event, *version)));
                true
            }
            None => false,
        });
        drop(shown);
        woken.into_iter().for_each(Waker::wake);
    }

    /// The node has stopped: streams end once they are read.
    pub(crate) fn close(&self) {
        let mut shown = self.lock();
        shown.closed = true;
        let watches = shown.watches.drain(..).filter_map(|watch| watch.upgrade());
        let woken: Vec<Waker> = watches.filter_map(|watch| watch.lock().waker.take()).collect();
        drop(shown);
        woken.into_iter().for_each(Waker::wake);
    }
}

#[cfg(test)]
mod tests {
    use super::{LAG, Member, MembershipEvent, PeerEvent, View, Views};
    use bytes::Bytes;
    use devts_proto::NodeId;
    use futures_util::FutureExt;

    fn member(number: u64) -> Member {
        let id = NodeId::new(number).unwrap();
        let address = ([127, 0, 0, 1], 1).into();
        Member { id, boot: 1, kind: "k".into(), address, ready: true, info: Bytes::from_static(&[5]) }
    }

    fn change(views: &Views, number: u64, version: u64) {
        views.show(View::new(version, vec![member(number)]), &[(PeerEvent::Joined(member(number)), version)]);
    }

    #[test]
    fn a_snapshot_then_each_change() {
        let views = Views::new();
        change(&views, 1, 1);
        let mut stream = views.watch();
        change(&views, 2, 2);
        let mut next = || stream.next().now_or_never();
        assert!(matches!(next(), Some(Some(MembershipEvent::Snapshot(view))) if view.version() == 1));
        assert!(matches!(
            next(),
            Some(Some(MembershipEvent::Changed { event: PeerEvent::Joined(_), version: 2 }))
        ));
        assert!(next().is_none());
        views.close();
        assert!(matches!(next(), Some(None)));
    }

    #[test]
    fn who_reads_too_slowly_is_told_and_goes_on_from_the_newest_view() {
        let views = Views::new();
        let mut stream = views.watch();
        for version in 1..=LAG as u64 + 5 {
            change(&views, 1, version);
        }
        let last = LAG as u64 + 5;
        let mut next = || stream.next().now_or_never().flatten();
        assert!(matches!(next(), Some(MembershipEvent::Snapshot(_))));
        assert!(matches!(next(), Some(MembershipEvent::Lagged(view)) if view.version() == last));
        change(&views, 1, last + 1);
        assert!(matches!(next(), Some(MembershipEvent::Changed { version, .. }) if version == last + 1));
    }

    #[test]
    fn info_is_typed() {
        assert_eq!(member(1).info::<u8>(), Ok(5));
        assert!(member(1).info::<String>().is_err());
    }
}
