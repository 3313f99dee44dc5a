package escape

var systemAttacks []Attack
