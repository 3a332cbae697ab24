"""What is worth telling of a report's figures. Pure mathematics over tables of values: no model is loaded here."""
