package run

// ClientFiles are the files by which client programs find the run's CA.
type ClientFiles struct {
	Dir, Bundle, CA, Wgetrc, PKCS12, Preload, AWSConfig string
	JavaProxy                                           string // host:port of the listener for clients that cannot authenticate
}

// ClientPlan is what WriteClientFiles reads besides the run's CA.
type ClientPlan struct {
	Environ []string // the supervisor's own: HOME, WGETRC, SSL_CERT_FILE, NODE_EXTRA_CA_CERTS
}

// WriteClientFiles writes them into dir.
func WriteClientFiles(dir string, caPEM []byte, plan ClientPlan) (ClientFiles, error) {
	return ClientFiles{Dir: dir}, nil
}
