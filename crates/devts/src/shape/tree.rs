//! What tracing has found so far: one node for each place in the type, kept over many passes, as one pass sees one
//! variant of each enum. Decides what a pass visits next. Knows nothing of serde.

/// Places a shape has at most.
pub(super) const MAX_NODES: usize = 4096;
/// How deep a shape goes at most.
pub(super) const MAX_DEPTH: usize = 64;
/// How often a place that refuses its sample is given another one.
pub(super) const MAX_ATTEMPTS: usize = 4;

/// A place in the type.
pub(super) type Id = usize;

/// The first place: the type itself.
pub(super) const ROOT: Id = 0;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Unseen,
    Leaf(&'static str),
    Option,
    Seq,
    Map,
    Tuple,
    Struct,
    Enum,
    /// The type so many levels further out.
    Up(usize),
    /// Past a limit.
    Beyond,
}

#[derive(Debug)]
struct Node {
    kind: Kind,
    /// Of fields or variants.
    names: &'static [&'static str],
    children: Vec<Id>,
    /// Samples that were refused here.
    attempts: usize,
    /// The name of a type that refused all samples.
    opaque: Option<&'static str>,
    /// Nothing more is to be seen here.
    done: bool,
    /// No value can be made here.
    broken: bool,
}

impl Node {
    fn new() -> Node {
        Node {
            kind: Kind::Unseen,
            names: &[],
            children: Vec::new(),
            attempts: 0,
            opaque: None,
            done: false,
            broken: false,
        }
    }
}

#[derive(Debug)]
pub(super) struct Tree(Vec<Node>);

impl Tree {
    pub(super) fn new() -> Tree {
        Tree(vec![Node::new()])
    }

    /// Nothing more can be found out.
    pub(super) fn complete(&self) -> bool {
        self.0[ROOT].done
    }

    pub(super) fn attempts(&self, id: Id) -> usize {
        self.0[id].attempts
    }

    /// Sets what this place is; the first answer stays.
    pub(super) fn is(&mut self, id: Id, kind: Kind, names: &'static [&'static str]) {
        let node = &mut self.0[id];
        if node.kind == Kind::Unseen {
            (node.kind, node.names) = (kind, names);
        }
        node.done |= matches!(kind, Kind::Leaf(_) | Kind::Up(_) | Kind::Beyond);
    }

    /// The child of this number, made when it is first met. `None` past the limit of size.
    pub(super) fn child(&mut self, id: Id, number: usize) -> Option<Id> {
        while self.0[id].children.len() <= number {
            if self.0.len() >= MAX_NODES {
                return None;
            }
            let child = self.0.len();
            self.0.push(Node::new());
            self.0[id].children.push(child);
        }
        Some(self.0[id].children[number])
    }

    /// Whether an option, sequence or map is to hold something in this pass: where something is still to be seen
    /// inside, or where being empty was refused before.
    pub(super) fn fill(&self, id: Id, sample: usize) -> bool {
        let node = &self.0[id];
        let children = || node.children.iter().map(|&child| &self.0[child]);
        node.children.is_empty()
            || children().any(|child| !child.done)
            || sample % 2 == 1 && !children().any(|child| child.broken)
    }

    /// The variant that this pass visits: one that is not yet known, else one of which a value can be made.
    pub(super) fn variant(&self, id: Id) -> usize {
        let variants = &self.0[id].children;
        let find = |wanted: &dyn Fn(&Node) -> bool| variants.iter().position(|&child| wanted(&self.0[child]));
        find(&|variant| !variant.done).or_else(|| find(&|variant| !variant.broken)).unwrap_or(0)
    }

    /// A pass leaves this place.
    pub(super) fn leave(&mut self, id: Id, ok: bool) {
        let node = &self.0[id];
        let all = |test: fn(&Node) -> bool| node.children.iter().all(|&child| test(&self.0[child]));
        let broken = match node.kind {
            Kind::Tuple | Kind::Struct => !all(|child| !child.broken),
            Kind::Enum => node.children.len() == node.names.len() && all(|child| child.broken),
            _ => false,
        };
        let seen = (ok || node.kind == Kind::Enum) && all(|child| child.done);
        let node = &mut self.0[id];
        node.broken |= broken;
        node.done |= seen || broken;
    }

    /// The innermost place where a pass failed; `name` is the type that refused.
    pub(super) fn refused(&mut self, id: Id, name: &'static str) {
        let node = &mut self.0[id];
        if node.broken {
            return;
        }
        node.done = false;
        node.attempts += 1;
        if node.attempts >= MAX_ATTEMPTS {
            (node.opaque, node.done, node.broken) = (Some(name), true, true);
        }
    }

    pub(super) fn text(&self) -> String {
        self.subtext(ROOT)
    }

    fn subtext(&self, id: Id) -> String {
        let mut out = String::new();
        self.write(&mut out, id);
        out
    }

    fn write(&self, out: &mut String, id: Id) {
        let node = &self.0[id];
        if let Some(name) = node.opaque {
            out.push('!');
            push_without_paths(out, name);
            if node.kind == Kind::Unseen {
                return;
            }
            out.push(':');
        }
        match node.kind {
            Kind::Unseen => out.push('_'),
            Kind::Leaf(name) => out.push_str(name),
            Kind::Up(levels) => out.push_str(&format!("^{levels}")),
            Kind::Beyond => out.push('~'),
            Kind::Option => self.list(out, node, ["?", "", ""]),
            Kind::Seq => self.list(out, node, ["[", "", "]"]),
            Kind::Map => self.list(out, node, ["[", "=", "]"]),
            Kind::Tuple => self.tuple(out, node),
            Kind::Struct => self.list(out, node, ["{", ",", "}"]),
            Kind::Enum => self.list(out, node, ["<", "|", ">"]),
        }
    }

    /// `(u8*32)` for 32 of them.
    fn tuple(&self, out: &mut String, node: &Node) {
        let texts: Vec<String> = node.children.iter().map(|&child| self.subtext(child)).collect();
        let runs = texts.chunk_by(|one, next| one == next).map(|run| match run.len() {
            1 => run[0].clone(),
            times => format!("{}*{times}", run[0]),
        });
        let runs: Vec<String> = runs.collect();
        out.push_str(&format!("({})", runs.join(",")));
    }

    /// Names without a place (it was never reached) and places without a name are both written.
    fn list(&self, out: &mut String, node: &Node, [open, between, close]: [&str; 3]) {
        out.push_str(open);
        for number in 0..node.children.len().max(node.names.len()) {
            if number > 0 {
                out.push_str(between);
            }
            let (name, child) = (node.names.get(number), node.children.get(number));
            let holds_nothing = |&child: &Id| {
                let child = &self.0[child];
                node.kind == Kind::Enum && child.kind == Kind::Leaf("()") && child.opaque.is_none()
            };
            out.push_str(name.unwrap_or(&""));
            if child.is_some_and(holds_nothing) {
                continue;
            }
            if name.is_some() {
                out.push(':');
            }
            match child {
                Some(&child) => self.write(out, child),
                None => out.push(if self.0.len() >= MAX_NODES { '~' } else { '_' }),
            }
        }
        out.push_str(close);
    }
}

/// `alloc::vec::Vec<app::Email>` as `Vec<Email>`: paths change when code moves.
fn push_without_paths(out: &mut String, name: &str) {
    let mut start = out.len();
    let mut chars = name.chars().peekable();
    while let Some(char) = chars.next() {
        match char {
            ':' if chars.peek() == Some(&':') => {
                chars.next();
                out.truncate(start);
            }
            _ => {
                out.push(char);
                if !(char.is_alphanumeric() || char == '_') {
                    start = out.len();
                }
            }
        }
    }
}
