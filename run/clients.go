package run

import (
	"context"
	"fmt"

	"agentguard/proxy"
	"agentguard/run/clients"
)

// clientSide is what client programs need to go by way of the proxy.
type clientSide struct {
	ca    *proxy.CA
	files clients.Files
}

func (s *session) writeClients() (clientSide, error) {
	ca, err := proxy.NewCA(nil)
	if err != nil {
		return clientSide{}, failure(err, "")
	}
	var files clients.Files
	err = s.User.Do(func() (err error) {
		files, err = clients.Write(s.dir, ca.PEM(), clients.Config{Environ: s.env, Git: s.Policy.GitHosts()})
		return err
	})
	if err != nil {
		err = failure(fmt.Errorf("the client files in %s: %w", s.dir, err), "free space there, or set XDG_RUNTIME_DIR")
	}
	return clientSide{ca, files}, err
}

// prepareClients reads the vault while the client files are written: neither waits for the other.
func (s *session) prepareClients(ctx context.Context) (*proxy.CA, error) {
	credErr := s.loadCredentials(ctx)
	made, err := s.clients()
	if err != nil {
		return nil, err
	}
	s.files = made.files
	return made.ca, credErr
}
