"""Forms made from the specs of the settings, and the controls that show them."""
