//! An HTTP/1.1 server on loopback that misbehaves as it is told. Tests of model and tool clients talk to it.

use std::{
    collections::VecDeque,
    io,
    net::SocketAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    task::JoinHandle,
};

/// A request as it arrived.
#[derive(Clone, Debug)]
pub struct Request {
    /// `POST`.
    pub method: String,
    /// `/v1/chat/completions`, with the query.
    pub path: String,
    /// Names in lower case, in the order they came.
    pub headers: Vec<(String, String)>,
    /// The whole body.
    pub body: Vec<u8>,
}

impl Request {
    /// The value of a header; `name` in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The body as JSON; null if it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }
}

/// One thing the server does while it answers.
#[derive(Clone, Debug)]
enum Step {
    Send(Vec<u8>),
    Wait(Duration),
}

/// How an answer ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    /// As HTTP says.
    Complete,
    /// The connection is closed before the body is complete.
    Cut,
    /// Nothing more comes and the connection stays open.
    Hang,
}

/// What the server answers to one request.
#[derive(Clone, Debug)]
pub struct Reply {
    status: u16,
    headers: Vec<(String, String)>,
    /// Before the status line.
    delay: Duration,
    steps: Vec<Step>,
    is_chunked: bool,
    is_raw: bool,
    ending: Ending,
}

impl Reply {
    /// An empty answer with a status.
    pub fn status(status: u16) -> Self {
        Self {
            status,
            headers: vec![],
            delay: Duration::ZERO,
            steps: vec![],
            is_chunked: false,
            is_raw: false,
            ending: Ending::Complete,
        }
    }

    /// 200 with a JSON body.
    pub fn json(body: &Value) -> Self {
        Self::status(200).header("content-type", "application/json").body(body.to_string())
    }

    /// 200 with server-sent events: each text becomes a `data:` line, sent as a chunk of its own.
    pub fn events<'a>(data: impl IntoIterator<Item = &'a str>) -> Self {
        data.into_iter().fold(Self::stream(), |reply, data| reply.chunk(format!("data: {data}\n\n")))
    }

    /// 200 with an event stream and nothing in it yet; see [`Reply::chunk`] and [`Reply::pause`].
    pub fn stream() -> Self {
        let mut reply = Self::status(200).header("content-type", "text/event-stream");
        reply.is_chunked = true;
        reply
    }

    /// Takes the request and never answers.
    pub fn never() -> Self {
        let mut reply = Self::raw("");
        reply.ending = Ending::Hang;
        reply
    }

    /// Bytes as they are instead of HTTP, then the end of the connection. Empty text hangs up without a word.
    pub fn raw(bytes: impl Into<Vec<u8>>) -> Self {
        let mut reply = Self::status(0);
        reply.is_raw = true;
        reply.ending = Ending::Cut;
        reply.steps.push(Step::Send(bytes.into()));
        reply
    }

    /// Adds a header.
    pub fn header(mut self, name: &str, value: impl ToString) -> Self {
        self.headers.push((name.to_owned(), value.to_string()));
        self
    }

    /// Adds to the body.
    pub fn body(self, bytes: impl Into<Vec<u8>>) -> Self {
        self.chunk(bytes)
    }

    /// Adds to the body, sent by itself.
    pub fn chunk(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.steps.push(Step::Send(bytes.into()));
        self
    }

    /// Waits before what is added next.
    pub fn pause(mut self, pause: Duration) -> Self {
        self.steps.push(Step::Wait(pause));
        self
    }

    /// Waits before the status line.
    pub fn delay(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// Closes the connection after what was added, in the middle of the body.
    pub fn cut(mut self) -> Self {
        self.ending = Ending::Cut;
        self
    }

    /// Sends nothing more after what was added, and stays.
    pub fn hang(mut self) -> Self {
        self.ending = Ending::Hang;
        self
    }
}

type Handler = Arc<dyn Fn(&Request) -> Reply + Send + Sync>;

struct Shared {
    queue: Mutex<VecDeque<Reply>>,
    handler: Mutex<Option<Handler>>,
    requests: Mutex<Vec<Request>>,
    connections: AtomicUsize,
    left: Semaphore,
}

/// A server on a private port of loopback; it ends when it is dropped.
pub struct FaultServer {
    address: SocketAddr,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

impl FaultServer {
    /// A body that is larger than this ends the connection.
    const MAX_BODY: usize = 64 << 20;

    /// Starts a server that answers 501 until it is told what to answer.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has free ports");
        let address = listener.local_addr().expect("a bound listener has an address");
        let shared = Arc::new(Shared {
            queue: Mutex::default(),
            handler: Mutex::default(),
            requests: Mutex::default(),
            connections: AtomicUsize::new(0),
            left: Semaphore::new(0),
        });
        let task = tokio::spawn(accept(listener, Arc::clone(&shared)));
        Self { address, shared, task }
    }

    /// `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Answers one request with `reply`; answers are used in the order they were pushed, before [`FaultServer::always`].
    pub fn push(&self, reply: Reply) -> &Self {
        lock(&self.shared.queue).push_back(reply);
        self
    }

    /// Answers all requests that no pushed reply is left for.
    pub fn always(&self, reply: Reply) -> &Self {
        self.handle(move |_| reply.clone())
    }

    /// As [`FaultServer::always`], with an answer that depends on the request.
    pub fn handle(&self, handler: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> &Self {
        *lock(&self.shared.handler) = Some(Arc::new(handler));
        self
    }

    /// All requests so far, oldest first.
    pub fn requests(&self) -> Vec<Request> {
        lock(&self.shared.requests).clone()
    }

    /// How many connections there were so far.
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::Relaxed)
    }

    /// Waits until a client has closed its connection to an answer that hangs; each is told of once.
    pub async fn left(&self) {
        self.shared.left.acquire().await.expect("it is never closed").forget();
    }

    /// The last request.
    pub fn last(&self) -> Request {
        lock(&self.shared.requests).last().cloned().expect("the test sent a request before")
    }
}

impl Drop for FaultServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// An address that refuses connections: a port that was just given back.
pub async fn closed_port() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has free ports");
    format!("http://{}", listener.local_addr().expect("a bound listener has an address"))
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Connections end with the server: their tasks are owned by this one.
async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = tokio::task::JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        shared.connections.fetch_add(1, Ordering::Relaxed);
        let shared = Arc::clone(&shared);
        connections.spawn(async move {
            // A client that goes away is what tests do on purpose.
            let _ = serve(stream, &shared).await;
        });
        while connections.try_join_next().is_some() {}
    }
}

async fn serve(stream: TcpStream, shared: &Shared) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut stream = BufReader::new(stream);
    while let Some(request) = read_request(&mut stream).await? {
        let pushed = lock(&shared.queue).pop_front();
        let handler = lock(&shared.handler).clone();
        let reply = pushed.unwrap_or_else(|| handler.map_or_else(|| Reply::status(501), |handler| handler(&request)));
        lock(&shared.requests).push(request);
        tokio::time::sleep(reply.delay).await;
        write_reply(stream.get_mut(), &reply).await?;
        match reply.ending {
            Ending::Complete => {}
            Ending::Cut => return stream.get_mut().shutdown().await,
            Ending::Hang => {
                // The client says nothing more; its end of the connection is what is waited for.
                let _ = stream.read(&mut [0]).await;
                shared.left.add_permits(1);
                return Ok(());
            }
        }
    }
    Ok(())
}

async fn read_request(stream: &mut BufReader<TcpStream>) -> io::Result<Option<Request>> {
    let mut line = String::new();
    if stream.read_line(&mut line).await? == 0 {
        return Ok(None);
    }
    let mut words = line.split_whitespace().map(str::to_owned);
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let mut headers = vec![];
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await? == 0 {
            return Ok(None);
        }
        match line.trim_end().split_once(':') {
            Some((name, value)) => headers.push((name.to_ascii_lowercase(), value.trim().to_owned())),
            None => break,
        }
    }
    let mut request = Request { method, path, headers, body: vec![] };
    let length = request.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    if length > FaultServer::MAX_BODY {
        return Ok(None);
    }
    request.body = vec![0; length];
    stream.read_exact(&mut request.body).await?;
    Ok(Some(request))
}

async fn write_reply(stream: &mut TcpStream, reply: &Reply) -> io::Result<()> {
    if !reply.is_raw {
        let mut head = format!("HTTP/1.1 {} Scripted\r\n", reply.status);
        for (name, value) in &reply.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if reply.is_chunked {
            head.push_str("transfer-encoding: chunked\r\n");
        } else {
            let length: usize = reply.steps.iter().map(length_of).sum();
            // A cut or hanging answer promises more than it gives.
            let promised = if reply.ending == Ending::Complete { length } else { length + 1_000 };
            head.push_str(&format!("content-length: {promised}\r\n"));
        }
        head.push_str("\r\n");
        stream.write_all(head.as_bytes()).await?;
    }
    for step in &reply.steps {
        match step {
            Step::Wait(pause) => tokio::time::sleep(*pause).await,
            Step::Send(bytes) if reply.is_chunked && !bytes.is_empty() => {
                let mut chunk = format!("{:x}\r\n", bytes.len()).into_bytes();
                chunk.extend_from_slice(bytes);
                chunk.extend_from_slice(b"\r\n");
                stream.write_all(&chunk).await?;
            }
            Step::Send(bytes) => stream.write_all(bytes).await?,
        }
        stream.flush().await?;
    }
    if reply.is_chunked && reply.ending == Ending::Complete {
        stream.write_all(b"0\r\n\r\n").await?;
    }
    stream.flush().await
}

fn length_of(step: &Step) -> usize {
    match step {
        Step::Send(bytes) => bytes.len(),
        Step::Wait(_) => 0,
    }
}
