package vault

import (
	"context"
	"slices"
)

// flight is one reading that several callers wait for. It outlives the caller that started it and is cancelled when the
// last one has gone.
type flight struct {
	done    chan struct{}
	cancel  context.CancelFunc
	waiters int
	s       Secret
	err     error
}

func (v *Vault) read(ctx context.Context, ref Ref) (Secret, error) {
	b, err := v.backend(ref)
	if err != nil {
		return Secret{}, fail(ref, err)
	}
	f, err := v.join(ctx, ref, b)
	if err != nil {
		return Secret{}, fail(ref, err)
	}
	defer v.leave(f)
	select {
	case <-f.done:
		return f.s, fail(ref, f.err)
	case <-ctx.Done():
		return Secret{}, fail(ref, context.Cause(ctx))
	}
}

func (v *Vault) join(ctx context.Context, ref Ref, b backend) (*flight, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.closed {
		return nil, errClosed
	}
	f := v.flights[ref]
	if f == nil {
		f = &flight{done: make(chan struct{})}
		ctx, f.cancel = context.WithCancel(context.WithoutCancel(ctx))
		v.flights[ref] = f
		go v.fly(ctx, ref, b, f)
	}
	f.waiters++
	return f, nil
}

func (v *Vault) leave(f *flight) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if f.waiters--; f.waiters == 0 {
		f.cancel()
	}
}

func (v *Vault) fly(ctx context.Context, ref Ref, b backend, f *flight) {
	s, err := b.get(ctx, ref.Name)
	v.mu.Lock()
	defer v.mu.Unlock()
	delete(v.flights, ref)
	if err == nil {
		v.issue(s)
		v.cache[ref] = s
	}
	f.s, f.err = s, err
	close(f.done)
}

// issue notes a secret for Close; v.mu is held.
func (v *Vault) issue(s Secret) {
	if !slices.Contains(v.issued, s) {
		v.issued = append(v.issued, s)
	}
}
