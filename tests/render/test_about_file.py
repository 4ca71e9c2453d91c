"""What a model's file says besides its tensors, in the page."""

import playground
from playground import gallery
from playground.model.graph import Model
from playground.render.about_file import about_file


def test_a_file_that_a_recipe_made_says_so() -> None:
    made = playground.quantize_model(gallery.open_model("digits-mlp"), activations="weight_only", verify=False)
    told = about_file(playground.load(made.onnx, "q.onnx"))
    version = playground.__version__
    assert f"<li>Quantized by Quantization Playground {version}; the recipe that made it is in its metadata." in told
    assert "quantization_playground.recipe" in told
    assert about_file(gallery.open_model("digits-mlp")) == ""


def test_what_a_stranger_writes_there_is_text() -> None:
    metadata = {"quantization_playground.recipe": "<b>", "quantization_playground.version": "<img>" * 100}
    told = about_file(Model("onnx", "m", {}, metadata=metadata))
    assert "Quantized by Quantization Playground &lt;img&gt;" in told
    assert "<img" not in told
    assert len(told) < 5000
