"""Model cards, weights, training, ONNX export, ONNX Runtime sessions."""
