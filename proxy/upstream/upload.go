package upstream

import (
	"io"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/fairlead-proxy/fairlead/proxy/wire"
)

// uploadPageSize has room for a request's head with the beginning of its body, then for a piece of body.
const uploadPageSize = 32 << 10

type uploadPage [uploadPageSize]byte

var uploadPages = sync.Pool{New: func() any { return new(uploadPage) }}

const (
	// continueWait is how long a request that expects 100-continue waits for it (RFC 9110
	// section 10.1.1 forbids to wait for ever).
	continueWait = time.Second
	// lastWrite is how long an answer that is whole waits for the request's last bytes to be taken.
	lastWrite = 100 * time.Millisecond
	// sizeLine is the room for a chunk's size: "8000\r\n".
	sizeLine = 6
)

// upload sends a request's body while the answer is awaited and read: the one goroutine that an
// exchange may have beside its caller's.
type upload struct {
	e       *exchange
	page    *uploadPage
	expects bool
	first   int           // how much of page the head takes, written or not; 0 if it never was there
	may     chan struct{} // closed when an awaited 100 came, or is awaited no more
	mayOnce sync.Once
	done    chan struct{} // closed when the goroutine ends
	stopped atomic.Bool   // nobody wants the rest
	last    atomic.Bool   // all that is left to do is one write

	mu       sync.Mutex
	head     []byte // the beginning of page, until written
	answered bool   // the answer's head is there
	whole    bool   // all was written
	client   error  // why the body could not be read
}

// start begins to send. A head that is not written yet goes together with the first of the body
// if that is there already, and alone otherwise: either way before start returns, or in the
// write that is under way then.
func (u *upload) start() {
	u.e.out = u
	u.done = make(chan struct{})
	if u.expects {
		u.may = make(chan struct{})
	}
	u.first = len(u.head)
	pending := u.first > 0
	go u.run()
	if !pending {
		return
	}
	runtime.Gosched()
	if u.mu.TryLock() {
		_ = u.writeHead() // what broke the connection is read next
		u.mu.Unlock()
	}
}

func (u *upload) writeHead() error {
	if u.head == nil {
		return nil
	}
	head := u.head
	u.head = nil
	_, err := u.e.conn.Write(head)
	return err
}

func (u *upload) run() {
	defer close(u.done)
	defer uploadPages.Put(u.page)
	if u.expects && !u.awaitContinue() {
		return
	}
	var err error
	if u.e.r.ContentLength < 0 {
		err = u.sendChunks()
	} else {
		err = u.sendBytes(u.e.r.ContentLength)
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.head = nil
	if u.whole = err == nil && !u.stopped.Load(); u.whole && !u.answered {
		u.e.limitWait()
	}
}

// awaitContinue reports whether the body is wanted.
func (u *upload) awaitContinue() bool {
	limit := time.NewTimer(continueWait)
	defer limit.Stop()
	select {
	case <-u.may:
	case <-limit.C:
		u.proceed()
	}
	return !u.stopped.Load()
}

func (u *upload) proceed() {
	if u.may != nil {
		u.mayOnce.Do(func() { close(u.may) })
	}
}

// unwanted keeps a body back that still waits for its 100: the answer came instead.
func (u *upload) unwanted() {
	if u.may != nil {
		u.mayOnce.Do(func() {
			u.stopped.Store(true)
			close(u.may)
		})
	}
}

// sendBytes sends n bytes of body, never more.
func (u *upload) sendBytes(n int64) error {
	for n > 0 {
		room := u.page[u.first:]
		if int64(len(room)) > n {
			room = room[:n]
		}
		m, err := u.readBody(room)
		n -= int64(m)
		u.last.Store(n == 0)
		if m > 0 {
			if werr := u.write(u.first, u.first+m); werr != nil {
				return werr
			}
		}
		if n > 0 && err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		if n > 0 && err != nil {
			return u.blame(err)
		}
	}
	return nil
}

// sendChunks sends the body in chunks and r.Trailer after it (RFC 9112 section 7.1).
func (u *upload) sendChunks() error {
	for {
		from := u.first + sizeLine
		n, err := u.readBody(u.page[from : len(u.page)-len("\r\n")])
		if err != nil && err != io.EOF {
			return u.blame(err)
		}
		if n > 0 {
			if werr := u.write(u.frame(from, n), from+n+len("\r\n")); werr != nil {
				return werr
			}
		}
		if err == io.EOF {
			return u.sendEnd()
		}
	}
}

// frame makes a chunk of n bytes at from and returns where it begins.
func (u *upload) frame(from, n int) int {
	var digits [sizeLine]byte
	size := append(strconv.AppendUint(digits[:0], uint64(n), 16), "\r\n"...)
	copy(u.page[from-len(size):], size)
	copy(u.page[from+n:], "\r\n")
	return from - len(size)
}

// sendEnd sends the last chunk and the trailers, which r.Trailer holds since the body's end.
func (u *upload) sendEnd() error {
	u.last.Store(true)
	end := append(u.page[u.first:u.first], "0\r\n"...)
	end, err := appendFields(end, u.e.r.Trailer, true)
	if err != nil {
		return u.blame(err)
	}
	end = append(end, "\r\n"...)
	if len(end) > len(u.page)-u.first {
		return u.blame(wire.Malformed("the trailers are too large"))
	}
	return u.write(u.first, u.first+len(end))
}

// readBody asks for the body, unless nobody wants it any more.
func (u *upload) readBody(p []byte) (int, error) {
	if u.stopped.Load() {
		return 0, errClosed
	}
	return u.e.r.Body.Read(p)
}

// write writes page[begin:end], after the head if that is still to be written: it is moved up to
// begin, so that both are one piece.
func (u *upload) write(begin, end int) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.head != nil {
		u.head = nil
		begin -= copy(u.page[begin-u.first:], u.page[:u.first])
	}
	u.first = 0
	_, err := u.e.conn.Write(u.page[begin:end])
	return err
}

// blame ends an exchange whose request cannot be sent whole: what was sent must not look it.
func (u *upload) blame(err error) error {
	u.mu.Lock()
	if !u.stopped.Load() {
		u.client = err
	}
	u.mu.Unlock()
	u.e.conn.sever()
	return err
}

func (u *upload) clientError() error {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.client
}

// settle reports whether the request was written whole. An answer may overtake the return of the
// last write, which is waited for.
func (u *upload) settle(c *conn) bool {
	if u.last.Load() {
		select {
		case <-u.done:
		default:
			_ = c.SetWriteDeadline(time.Now().Add(lastWrite))
			<-u.done
			_ = c.SetWriteDeadline(time.Time{})
		}
	}
	select {
	case <-u.done:
	default:
		return false
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.whole
}

// stop ends an upload that is not whole, and waits for its end if it can be hurried.
func (u *upload) stop() {
	u.stopped.Store(true)
	u.e.conn.sever()
	u.proceed()
	select {
	case <-u.done:
		return
	default:
	}
	if u.e.asked.Interrupt != nil {
		u.e.asked.Interrupt()
		<-u.done
	}
}
