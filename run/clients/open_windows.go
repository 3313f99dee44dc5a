package clients

// openNonblock is nothing here: pipes have names of their own.
const openNonblock = 0
