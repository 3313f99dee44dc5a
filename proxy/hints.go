package proxy

import (
	"net/http/httptrace"
	"net/textproto"
	"sync"
)

// hints hands on what comes ahead of an answer (1xx) over HTTP/2. Who reads a connection that carries other answers too must not wait
// for a child that reads nothing.
type hints struct {
	mu    sync.Mutex
	queue chan func() // nil: none has come
	done  chan struct{}
	over  bool
}

// maxHints is how many wait; those that come then are not handed on.
const maxHints = 16

// aside has a request's hints go so. They have been handed on when end returns.
func aside(t *httptrace.ClientTrace) (end func()) {
	if t == nil || t.Got1xxResponse == nil {
		return func() {}
	}
	h, hand := &hints{}, t.Got1xxResponse
	t.Got1xxResponse = func(code int, header textproto.MIMEHeader) error {
		h.later(func() { hand(code, header) })
		return nil
	}
	return h.end
}

func (h *hints) later(f func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.over {
		return
	}
	if h.queue == nil {
		h.queue, h.done = make(chan func(), maxHints), make(chan struct{})
		go func() {
			defer close(h.done)
			for f := range h.queue {
				f()
			}
		}()
	}
	select {
	case h.queue <- f:
	default:
	}
}

func (h *hints) end() {
	h.mu.Lock()
	h.over = true
	h.mu.Unlock()
	if h.queue != nil {
		close(h.queue)
		<-h.done
	}
}
