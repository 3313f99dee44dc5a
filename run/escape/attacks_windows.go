package escape

var attacks []Attack
